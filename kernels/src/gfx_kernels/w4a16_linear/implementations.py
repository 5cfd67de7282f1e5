"""What computes w4a16_linear, and which of it serves a call.

`gemv`       the kernel: 16-bit activations, up to as many rows as `tune/` says that pays on the
             device, in one launch or several
`triton`     a Triton matrix product of 16-bit activations, up to as many rows as `tune/` says
`dequantise` 16- or 32-bit weights a slice at a time and torch's matrix product: any rows
`reference`  the definition, in float32 on any device: what the cpu target has, and for comparisons
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

import torch

from gfx_kernels import availability, choice, registration, targets
from gfx_kernels.runtime import GpuError, current
from gfx_kernels.w4 import layout
from gfx_kernels.w4a16_linear import arguments, dequantise, launcher, plan, reference, tuning

OP = "w4a16_linear"
MAX_ROWS = plan.ROWS[-1]  # that one launch takes on every device
EVERYWHERE = "default"
MAX_INPUTS = 32768
ALIGNMENT = 16  # bytes; what the kernel loads at once
KERNEL_DTYPES = (torch.float16, torch.bfloat16)
# Without matrix instructions Triton 3.7 multiplies slowly, or refuses the target.
MATRIX_OPS = ("wmma", "mfma")


def _always(*_: object) -> None:
    return None


def _why_no_gemv(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
) -> str | None:
    k, groups = x.shape[-1], scales.shape[1]
    if x.numel() > MAX_ROWS * k and x.numel() > (most := numbers_for(x)["rows"]) * k:
        return f"more than {most} rows"
    if x.dtype not in KERNEL_DTYPES:
        return f"{x.dtype} activations"
    if k > MAX_INPUTS or (k // groups) % layout.INPUTS:
        return f"{k} inputs in {groups} groups, not at most {MAX_INPUTS} in groups of 32s"
    if any(t is not None and t.data_ptr() % ALIGNMENT for t in (x, qweight, scales, zeros)):
        return f"x or the weight does not start at a multiple of {ALIGNMENT} bytes"
    return availability.why_not_on_device(OP, x.device)


def numbers_for(x: torch.Tensor) -> dict[str, Any]:
    """What `tune/` says of the device of `x`; without a GPU what holds everywhere."""
    try:
        return tuning.of(launcher.arch_of(current(), x.get_device()))
    except GpuError:
        return tuning.of(EVERYWHERE)


def _why_no_triton(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
) -> str | None:
    k, groups = x.shape[-1], scales.shape[1]
    if x.numel() > (most := numbers_for(x)["triton_rows"]) * k:
        return f"more than {most} rows"
    if x.dtype not in KERNEL_DTYPES:
        return f"{x.dtype} activations"
    if (k // groups) % layout.INPUTS:
        return f"{k} inputs in {groups} groups, not groups of 32s"
    return _why_no_triton_on(x.device)


@cache
def _why_no_triton_on(device: torch.device) -> str | None:
    if find_spec("triton") is None:
        return "triton is not installed"
    if device.type == "cpu":
        from triton import knobs

        return None if knobs.runtime.interpret else "x is on the cpu; Triton runs on a GPU"
    target = availability.target_of(device)
    if target is not None and target.matrix_op not in MATRIX_OPS:
        return f"Triton has no matrix product for {target.name}"
    return None


GEMV = choice.Implementation("gemv", _why_no_gemv)
TRITON = choice.Implementation("triton", _why_no_triton)
DEQUANTISE = choice.Implementation("dequantise", _always)
REFERENCE = choice.Implementation("reference", _always)
ON_GPU = (GEMV, TRITON, DEQUANTISE, REFERENCE)
ON_CPU = (REFERENCE, GEMV, TRITON, DEQUANTISE)

_check = registration.once_per_layout(arguments.check)


def run(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    order: torch.Tensor | None,
    bias: torch.Tensor | None,
    n: int,
    group_size: int,
    implementation: str | None = None,
) -> torch.Tensor:
    """The op. Raises ValueError for what does not fit, and for `x` without rows."""
    _check(x, qweight, scales, zeros, order, bias, n, group_size)
    arguments.check_order(order)
    if x.numel() == 0:
        raise ValueError(f"x is {list(x.shape)}, without rows; give it one at least")
    served = ON_CPU if x.device.type == "cpu" else ON_GPU
    chosen = choice.pick(OP, served, x, qweight, scales, zeros, asked=implementation)
    if chosen is REFERENCE:
        return reference.w4a16_linear(x, qweight, scales, zeros, order, bias, n)
    rows = x.reshape(-1, x.shape[-1])
    if order is not None:
        rows = rows.index_select(1, order)
    if chosen is GEMV:
        out = _gemv(rows, qweight, scales, zeros, bias, n)
    elif chosen is TRITON:
        from gfx_kernels.w4a16_linear import triton_gemm

        out = triton_gemm.w4a16_linear(rows, qweight, scales, zeros, bias, n)
    else:
        most = numbers_for(x)["slice_bytes"]
        out = dequantise.w4a16_linear(rows, qweight, scales, zeros, bias, n, most)
    return out.view(*x.shape[:-1], n)


def _gemv(
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    bias: torch.Tensor | None,
    n: int,
) -> torch.Tensor:
    out = x.new_empty(x.shape[0], n)
    group_size = x.shape[1] // scales.shape[1]
    at_once = plan.at_once(launcher.arch_of(current(), x.get_device()))
    for first in range(0, x.shape[0], at_once):
        rows = slice(first, first + at_once)
        launcher.gemv(out[rows], x[rows], qweight, scales, zeros, bias, group_size)
    return out


def why_not_on(target: str) -> str | None:
    """Why w4a16_linear is not to be used on `target` in this build; None if it is."""
    if target == targets.REFERENCE:
        return None
    return availability.why_not_on_target(OP, target)


def describe(target: str) -> str:
    """What computes the op on `target`, in a few words."""
    if target == targets.REFERENCE:
        return "torch reference"
    return f"{GEMV.name} for few rows, else {TRITON.name} or {DEQUANTISE.name}"
