"""Linear layer with 4-bit weights, 16- or 32-bit activations: `x @ dequantised(weight).T + bias`.

Weights lie as `layout` says. GPTQ's activation order is `order`: the stored input `j` of the weight
is feature `order[j]` of `x`, so groups are contiguous in memory whatever the checkpoint's order.
"""

from __future__ import annotations

import torch

from gfx_kernels import targets
from gfx_kernels.w4a16_linear import layout, reference

DTYPES = (torch.float32, torch.float16, torch.bfloat16)

# target -> what computes the op there; a target that is not here has no implementation.
IMPLEMENTATIONS = {targets.REFERENCE: "torch reference"}

_OP = "gfx::w4a16_linear"
torch.library.define(
    _OP,
    "(Tensor x, Tensor qweight, Tensor scales, Tensor? zeros, Tensor? order, Tensor? bias,"
    " int group_size) -> Tensor",
)
torch.library.impl(_OP, "cpu", reference.w4a16_linear)


@torch.library.register_fake(_OP)
def _fake(x: torch.Tensor, qweight: torch.Tensor, *_: torch.Tensor | int | None) -> torch.Tensor:
    return x.new_empty((*x.shape[:-1], qweight.shape[0]))


def w4a16_linear(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None = None,
    order: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    group_size: int = -1,
) -> torch.Tensor:
    """Multiply `x` `[..., k]` by a 4-bit weight of `n` outputs; returns `[..., n]` in `x`'s dtype.

    `qweight`, `scales`, `zeros`: as in `layout`; `order`: int32 or int64 `[k]`; `bias`: `[n]`;
    `group_size`: inputs that share a scale, -1 for all `k`. Sums run in float32.
    Raises ValueError where shapes, dtypes or devices do not fit.
    """
    k = x.shape[-1] if x.dim() else 0
    group_size = k if group_size == -1 else group_size
    _check_input(x, group_size)
    _check_weight(qweight, scales, zeros, k, group_size)
    _check_extras(x, qweight.shape[0], order, bias)
    _check_device(x, qweight=qweight, scales=scales, zeros=zeros, order=order, bias=bias)
    op = torch.ops.gfx.w4a16_linear
    result: torch.Tensor = op(x, qweight, scales, zeros, order, bias, group_size)
    return result


def _check_input(x: torch.Tensor, group_size: int) -> None:
    if x.dtype not in DTYPES:
        names = ", ".join(str(d) for d in DTYPES)
        raise ValueError(f"x is {x.dtype}; cast it to one of {names}")
    if x.dim() == 0 or x.shape[-1] == 0:
        raise ValueError(f"x {tuple(x.shape)} has no inputs; give it [..., k] with k > 0")
    if group_size < 1:
        raise ValueError(f"group_size is {group_size}; give -1 (one group) or a positive number")


def _check_weight(
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    k: int,
    group_size: int,
) -> None:
    words, groups = layout.words(k), layout.groups(k, group_size)
    if qweight.dtype != torch.int32 or qweight.dim() != 2 or qweight.shape[1] != words:
        raise ValueError(
            f"qweight is {qweight.dtype} {tuple(qweight.shape)}; x has {k} inputs, "
            f"so give int32 [n, {words}], as layout.pack makes it"
        )
    shape = (qweight.shape[0], groups)
    if scales.dtype not in DTYPES or tuple(scales.shape) != shape:
        raise ValueError(
            f"scales are {scales.dtype} {tuple(scales.shape)}; "
            f"{k} inputs in groups of {group_size} need floating point {shape}"
        )
    if zeros is not None and (zeros.dtype != torch.uint8 or tuple(zeros.shape) != shape):
        raise ValueError(
            f"zeros are {zeros.dtype} {tuple(zeros.shape)}; give uint8 {shape}, "
            "one unpacked value 0..15 per scale, or None for symmetric weights"
        )


def _check_extras(
    x: torch.Tensor, n: int, order: torch.Tensor | None, bias: torch.Tensor | None
) -> None:
    k = x.shape[-1]
    if order is not None:
        integer = order.dtype in (torch.int32, torch.int64)
        if not integer or tuple(order.shape) != (k,):
            raise ValueError(
                f"order is {order.dtype} {tuple(order.shape)}; give a permutation, int32 [{k}]"
            )
    if bias is not None and tuple(bias.shape) != (n,):
        raise ValueError(f"bias is {tuple(bias.shape)}; the weight has {n} outputs, give [{n}]")


def _check_device(x: torch.Tensor, **tensors: torch.Tensor | None) -> None:
    for name, tensor in tensors.items():
        if tensor is not None and tensor.device != x.device:
            raise ValueError(f"{name} is on {tensor.device}, x is on {x.device}; move one")
    if x.device.type not in ("cpu", "meta"):
        raise ValueError(
            f"no compiled w4a16_linear for {x.device.type} in this build; "
            f"it runs on: {', '.join(IMPLEMENTATIONS)}"
        )
