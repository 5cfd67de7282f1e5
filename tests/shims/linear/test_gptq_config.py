"""What GfxGPTQConfig makes of config.json: activation order, zero points, rules for one layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.shims.linear import formats, layer

_G_IDX = "model.layers.0.mlp.down_proj.g_idx"


@pytest.mark.parametrize(
    "more, kept",
    [
        ({}, False),
        ({"desc_act": True}, True),
        ({"desc_act": True, "group_size": -1}, False),
        ({"dynamic": {"+:.*down_proj": {"desc_act": True}}}, True),
        ({"dynamic": {"-:.*down_proj": {}}}, False),
    ],
)
def test_g_idx_reaches_layers_only_where_it_matters(more: dict[str, Any], kept: bool) -> None:
    form = formats.gptq(128)
    config = formats.Format(form.method, {**form.config, **more}, form.pack, 128).quant_config()
    mapped = config.get_checkpoint_weight_mapper().apply_list([_G_IDX, "model.norm.weight"])
    assert mapped == [_G_IDX] * kept + ["model.norm.weight"]
    assert _G_IDX.endswith(config._ignore_unexpected_suffixes)


@pytest.mark.parametrize("v2", [False, True])
def test_zero_point_convention(v2: bool) -> None:
    assert formats.gptq(128, sym=False, v2=v2).quant_config().zeros_minus_one is not v2


def test_a_rule_for_one_layer_changes_that_layer() -> None:
    rule = {"+:.*down_proj": {"group_size": 32, "sym": False, "desc_act": True}}
    form = formats.gptq(128, dynamic=rule)
    same = formats.gptq(32, sym=False, desc_act=True)
    weight = same.weight(96, layer.K)
    down = layer.down(form, torch.float32)
    layer.load(down, same.pack(weight))
    layer.assert_multiplies_by(layer.finish(down), weight.dense(torch.float32), torch.float32)
    assert form.quant_config().group_size == 128
