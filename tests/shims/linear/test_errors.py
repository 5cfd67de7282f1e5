"""What cannot be served ends in one line that names it and says what is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from vllm.model_executor.layers.fused_moe import RoutedExperts
from vllm.model_executor.layers.quantization import get_quantization_config
from vllm_gfx import linear
from vllm_gfx.linear import target

from tests.shims.linear import formats, layer

GPTQ = formats.gptq(128).config
AWQ = formats.awq(128).config


def _group(**weights: Any) -> dict[str, Any]:
    return {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "int", **weights}}


def _ct(group: dict[str, Any], form: str = "pack-quantized") -> dict[str, Any]:
    return {"format": form, "config_groups": {"group_0": group}, "ignore": []}


CONFIGS = {
    "gptq 3 bits": ("gptq", {**GPTQ, "bits": 3}, "GPTQ with bits=3, sym=True"),
    "gptq 8 bits": ("gptq", {**GPTQ, "bits": 8}, "GPTQ with bits=8, sym=True"),
    "gptq marlin": ("gptq", {**GPTQ, "checkpoint_format": "marlin"}, "checkpoint_format='marlin'"),
    "awq gemv": ("awq", {**AWQ, "version": "GEMV"}, "version='gemv'"),
    "awq 8 bits": ("awq", {**AWQ, "bits": 8}, "AWQ with bits=8"),
    "awq without zeros": ("awq", {**AWQ, "zero_point": False}, "zero_point=False"),
    "ct 8 bits": ("compressed-tensors", _ct(_group(num_bits=8)), "group_0 .8-bit int weights"),
    "ct fp8": (
        "compressed-tensors",
        _ct(_group(num_bits=8, type="float"), "float-quantized"),
        "8-bit float weights, 16-bit activations, format 'float-quantized'",
    ),
    "ct w4a8": (
        "compressed-tensors",
        _ct({**_group(), "input_activations": {"num_bits": 8, "type": "int"}}),
        "quantised activations",
    ),
}


def _is_one_line(error: pytest.ExceptionInfo[ValueError]) -> bool:
    text = str(error.value)
    return "\n" not in text and target.FORMATS in text and "target cpu" in text


@pytest.mark.parametrize("method, config, message", CONFIGS.values(), ids=CONFIGS)
def test_config(method: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        get_quantization_config(method).from_config(config)
    assert _is_one_line(error)


@pytest.mark.parametrize("method", ["fp8", "gguf", "bitsandbytes", "mxfp4", "torchao"])
def test_method(method: str) -> None:
    with pytest.raises(ValueError, match=f"quantisation '{method}'") as error:
        linear.verify_quantization(method)
    assert _is_one_line(error)


def test_methods_we_serve_are_verified() -> None:
    for method in target.METHODS:
        linear.verify_quantization(method)


@pytest.mark.parametrize("form", [formats.gptq(96), formats.compressed(96), formats.awq(96)])
def test_layer_is_named(form: formats.Format) -> None:
    with pytest.raises(ValueError, match=r"model\.layers\.0\.mlp\.down_proj") as error:
        layer.down(form, torch.float32)
    assert _is_one_line(error)


def test_rule_for_one_layer() -> None:
    form = formats.gptq(128, dynamic={"+:.*down_proj": {"bits": 3}})
    with pytest.raises(ValueError, match=r"down_proj .*bits=3") as error:
        layer.down(form, torch.float32)
    assert _is_one_line(error)


@pytest.mark.parametrize("form", [formats.gptq(128), formats.awq(128)])
def test_experts(form: formats.Format) -> None:
    experts = RoutedExperts.__new__(RoutedExperts)  # only its type is looked at
    with pytest.raises(ValueError, match=r"layers\.0\.experts .* experts") as error:
        form.quant_config().get_quant_method(experts, "layers.0.experts")
    assert _is_one_line(error)


def test_activation_dtype() -> None:
    with pytest.raises(ValueError, match=r"down_proj .*torch.float64") as error:
        layer.down(formats.gptq(128), torch.float64)
    assert _is_one_line(error)


def test_groups_of_unequal_size() -> None:
    form = formats.FORMATS["gptq-desc-act"]
    tensors = form.pack(form.weight(96, layer.K))
    tensors["g_idx"][0] = (tensors["g_idx"][0] + 1) % 4
    down = layer.down(form, torch.float32)
    layer.load(down, tensors)
    with pytest.raises(ValueError, match="4 groups of 64 inputs") as error:
        layer.finish(down)
    assert _is_one_line(error)


def test_fused_parts_of_different_order() -> None:
    form = formats.FORMATS["gptq-desc-act"]
    fused = layer.gate_up(form, torch.float32)
    gate, up = (form.pack(form.weight(96, layer.K, seed=i)) for i in range(2))
    up["g_idx"] = up["g_idx"].flip(0)
    layer.load(fused, gate, 0)
    with pytest.raises(ValueError, match="different activation orders"):
        layer.load(fused, up, 1)


@pytest.mark.parametrize("name", ["gptq-g128", "gptq-desc-act", "awq-g128", "ct-asym-g128"])
def test_scales_that_are_no_numbers(name: str) -> None:
    form = formats.FORMATS[name]
    tensors = form.pack(form.weight(96, layer.K))
    next(t for key, t in tensors.items() if "scale" in key)[1, 0] = float("nan")
    down = layer.down(form, torch.float16)
    layer.load(down, tensors)
    with pytest.raises(ValueError, match=r"down_proj .*scales hold NaN") as error:
        layer.finish(down)
    assert _is_one_line(error)


def test_inputs_that_do_not_fill_a_tile() -> None:
    with pytest.raises(ValueError, match="264 inputs are no multiple of 32") as error:
        layer.down(formats.gptq(-1), torch.float16, k=264)
    assert _is_one_line(error)
