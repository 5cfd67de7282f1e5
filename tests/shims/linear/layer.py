"""Build, load and run one of vLLM's linear layers from checkpoint tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gfx_kernels.w4a16_linear import cases
from vllm.model_executor.layers.linear import (
    LinearBase,
    MergedColumnParallelLinear,
    QKVParallelLinear,
    RowParallelLinear,
)
from vllm.utils.torch_utils import set_default_torch_dtype

from tests.shims.linear.formats import Format
from tests.support import packers

K = 256
HEAD = 32
_FUSED = {"qkv_proj": ["q_proj", "k_proj", "v_proj"], "gate_up_proj": ["gate_proj", "up_proj"]}


def _config(form: Format) -> Any:
    config = form.quant_config()
    config.packed_modules_mapping = _FUSED
    return config


def down(
    form: Format, dtype: torch.dtype, bias: bool = False, k: int = K, n: int = 96
) -> LinearBase:
    with set_default_torch_dtype(dtype):
        return RowParallelLinear(
            k, n, bias=bias, quant_config=_config(form), prefix="model.layers.0.mlp.down_proj"
        )


def gate_up(form: Format, dtype: torch.dtype) -> LinearBase:
    with set_default_torch_dtype(dtype):
        return MergedColumnParallelLinear(
            K,
            [96, 96],
            bias=False,
            quant_config=_config(form),
            prefix="layers.0.gate_up_proj",
        )


def qkv(form: Format, dtype: torch.dtype) -> LinearBase:
    with set_default_torch_dtype(dtype):
        return QKVParallelLinear(
            K, HEAD, 4, 2, bias=False, quant_config=_config(form), prefix="layers.0.qkv_proj"
        )


def load(layer: LinearBase, tensors: packers.Tensors, shard: int | str | None = None) -> None:
    """As a model's loader does; tensors the layer has no place for are skipped, as there."""
    params = dict(layer.named_parameters())
    for name, tensor in tensors.items():
        if name in params:
            args = () if shard is None else (shard,)
            params[name].weight_loader(params[name], tensor, *args)


def finish(layer: LinearBase) -> LinearBase:
    layer.quant_method.process_weights_after_loading(layer)
    return layer


def assert_multiplies_by(
    layer: LinearBase, dense: np.ndarray[Any, Any], dtype: torch.dtype, *, exact: bool = True
) -> None:
    """The layer's output is `x @ dense.T` (+ bias), to the rounding of `dtype`.

    Not `exact`: each weight, too, was rounded to `dtype` before it was multiplied.
    """
    x = torch.randn(5, dense.shape[1], generator=torch.Generator().manual_seed(1)).to(dtype)
    out, _ = layer(x)
    assert out.dtype == dtype
    bias = 0.0 if layer.bias is None else layer.bias.detach().double().numpy()
    expected = x.double().numpy() @ dense.T + bias
    size = np.abs(x.double().numpy()) @ np.abs(dense).T + np.abs(bias)
    allowed = cases.ROUNDING[dtype] * np.abs(expected) + cases.SUMMATION * size
    allowed = allowed if exact else allowed + cases.ROUNDING[dtype] * size
    error = np.abs(out.detach().double().numpy() - expected)
    assert (error <= allowed).all(), f"worst: {np.max(error / allowed):.3g} times the tolerance"
