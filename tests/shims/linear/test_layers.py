"""Packed tensors -> vLLM layer -> forward equals the dequantised product, for every format."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from vllm_gfx.linear.kernel import GfxW4A16LinearKernel

from tests.shims.linear import formats, layer

DTYPES = (torch.float32, torch.float16, torch.bfloat16)


def _names(value: object) -> str:
    return str(value).removeprefix("torch.")


@pytest.mark.parametrize("dtype", DTYPES, ids=_names)
@pytest.mark.parametrize("name", formats.FORMATS)
def test_layer(name: str, dtype: torch.dtype) -> None:
    form = formats.FORMATS[name]
    weight = form.weight(96, layer.K)
    down = layer.down(form, dtype)
    layer.load(down, form.pack(weight))
    layer.assert_multiplies_by(layer.finish(down), weight.dense(dtype), dtype)


@pytest.mark.parametrize("name", formats.FORMATS)
def test_fused_layers(name: str) -> None:
    form = formats.FORMATS[name]
    gate_up: dict[int | str, int] = {0: 96, 1: 96}
    qkv: dict[int | str, int] = {"q": 4 * layer.HEAD, "k": 2 * layer.HEAD, "v": 2 * layer.HEAD}
    for build, sizes in ((layer.gate_up, gate_up), (layer.qkv, qkv)):
        fused = build(form, torch.float32)
        parts = [form.weight(n, layer.K, seed=i) for i, n in enumerate(sizes.values())]
        for shard, weight in zip(sizes, parts, strict=True):
            layer.load(fused, form.pack(weight), shard)
        dense = np.concatenate([weight.dense(torch.float32) for weight in parts])
        layer.assert_multiplies_by(layer.finish(fused), dense, torch.float32)


@pytest.mark.parametrize("name", ["gptq-asym-g32", "awq-g128", "ct-sym-g32"])
def test_outputs_that_do_not_fill_a_tile(name: str) -> None:
    form = formats.FORMATS[name]
    weight = form.weight(104, layer.K)
    down = layer.down(form, torch.float16, n=104)
    layer.load(down, form.pack(weight))
    layer.assert_multiplies_by(layer.finish(down), weight.dense(torch.float16), torch.float16)


def test_input_that_is_a_view_of_another() -> None:
    form = formats.FORMATS["gptq-g128"]
    down = layer.down(form, torch.float32)
    layer.load(down, form.pack(form.weight(96, layer.K)))
    layer.finish(down)
    wide = torch.randn(3, 2 * layer.K, generator=torch.Generator().manual_seed(0))
    part = wide[:, layer.K :]
    assert torch.equal(down(part)[0], down(part.contiguous())[0])


def test_bias_is_added() -> None:
    form = formats.FORMATS["gptq-g32"]
    weight = form.weight(96, layer.K)
    down = layer.down(form, torch.float16, bias=True)
    layer.load(down, {**form.pack(weight), "bias": torch.linspace(-1, 1, 96)})
    layer.assert_multiplies_by(layer.finish(down), weight.dense(torch.float16), torch.float16)


def test_our_kernel_serves_every_format() -> None:
    for form in formats.FORMATS.values():
        down = layer.down(form, torch.float32)
        owner = getattr(down, "scheme", down.quant_method)
        assert type(owner.kernel) is GfxW4A16LinearKernel


def test_weights_stay_packed() -> None:
    form = formats.FORMATS["ct-asym-g128"]
    down = layer.down(form, torch.float16)
    layer.load(down, form.pack(form.weight(96, layer.K)))
    layer.finish(down)
    stored = sum(p.numel() * p.element_size() for p in down.parameters())
    assert stored < 96 * layer.K * 0.6, "half a byte per weight, plus scales and zero points"


def test_desc_act_in_order_costs_no_gather() -> None:
    """Static groups: desc_act in the config, g_idx in order."""
    form = formats.gptq(64, desc_act=True)
    weight = formats.gptq(64).weight(96, layer.K)
    down = layer.down(form, torch.float32)
    layer.load(down, form.pack(weight))
    layer.finish(down)
    assert not hasattr(down, "input_order") and not hasattr(down, "g_idx")
    layer.assert_multiplies_by(down, weight.dense(torch.float32), torch.float32)


def test_desc_act_reaches_a_kernel_that_knows_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Upstream's kernels multiply in stored order, so the method must reorder their input."""
    form = formats.FORMATS["gptq-desc-act"]
    weight = form.weight(96, layer.K)
    down = layer.down(form, torch.float32)
    layer.load(down, form.pack(weight))
    layer.finish(down)
    order = down.input_order

    def apply_in_stored_order(
        _kernel: object, _layer: object, x: torch.Tensor, _bias: object
    ) -> torch.Tensor:
        stored = torch.from_numpy(weight.dense(torch.float32)[:, order.numpy()])
        return (x.double() @ stored.T).to(x.dtype)

    monkeypatch.setattr(GfxW4A16LinearKernel, "takes_order", False)
    monkeypatch.setattr(GfxW4A16LinearKernel, "apply_weights", apply_in_stored_order)
    layer.assert_multiplies_by(down, weight.dense(torch.float32), torch.float32)
