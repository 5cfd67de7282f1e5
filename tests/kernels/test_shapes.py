"""The table of real layers says what its models' geometry implies."""

from __future__ import annotations

import pytest
from gfx_kernels import shapes


def test_layers_have_names_of_their_own() -> None:
    names = [layer.name for layer in (*shapes.w4_linears(), *shapes.dense_linears())]
    assert len(names) == len(set(names)) > 30


@pytest.mark.parametrize("layer", shapes.w4_linears(), ids=lambda layer: layer.name)
def test_groups_divide_inputs(layer: shapes.Linear) -> None:
    assert layer.k % layer.group_size == 0 and layer.group_size % 32 == 0 and layer.n % 16 == 0


@pytest.mark.parametrize("model", shapes.models().values(), ids=lambda model: model.name)
def test_linears_fit_the_model(model: shapes.Model) -> None:
    sizes = {layer.layer: (layer.k, layer.n) for layer in (*model.w4, *model.dense)}
    assert sizes["gate_up"] == (model.hidden, 2 * model.intermediate)
    assert sizes["down"] == (model.intermediate, model.hidden)
    assert sizes["lm_head"][0] == model.hidden
    assert all(a.heads % a.kv_heads == 0 and a.rotary <= a.head_size for a in model.attention)
