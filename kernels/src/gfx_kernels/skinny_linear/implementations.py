"""What computes skinny_linear, and which of it serves a call.

`gemv`       the kernel, one launch; preferred up to as many rows as `tune/` says of the device
`torch`      torch's matrix product
`reference`  the definition, in float32 on any device: what the cpu target has, and for comparisons
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch

from gfx_kernels import availability, checks, choice, registration, targets, tuned
from gfx_kernels.skinny_linear import arguments, launcher, reference

OP = "skinny_linear"
MAX_ROWS = 8
MAX_INPUTS = 32768
ALIGNMENT = 16  # bytes; what the kernel loads at once
TUNE = Path(__file__).parent / "tune"


def _always(*_: object) -> None:
    return None


def _why_no_gemv(x: torch.Tensor, weight: torch.Tensor) -> str | None:
    k = x.shape[1]
    if k > MAX_INPUTS or k * x.element_size() % ALIGNMENT:
        return f"{k} inputs, not at most {MAX_INPUTS} and a multiple of {ALIGNMENT} bytes"
    if x.data_ptr() % ALIGNMENT or weight.data_ptr() % ALIGNMENT:
        return f"x or the weight does not start at a multiple of {ALIGNMENT} bytes"
    return availability.why_not_on_device(OP, x.device)


GEMV = choice.Implementation("gemv", _why_no_gemv)
TORCH = choice.Implementation("torch", _always)
REFERENCE = choice.Implementation("reference", _always)
ON_GPU = (GEMV, TORCH, REFERENCE)
ON_GPU_MANY_ROWS = (TORCH, GEMV, REFERENCE)
ON_CPU = (REFERENCE, GEMV, TORCH)

_check = registration.once_per_layout(arguments.check)


def run(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    implementation: str | None = None,
) -> torch.Tensor:
    """The op. Raises ValueError for what does not fit, as more than MAX_ROWS rows."""
    _check(x, weight, bias)
    checks.between("the number of rows of x", x.shape[0], 1, MAX_ROWS)
    chosen = choice.pick(OP, _order(x), x, weight, asked=implementation)
    if chosen is REFERENCE:
        return reference.skinny_linear(x, weight, bias)
    if chosen is TORCH:
        return torch.nn.functional.linear(x, weight, bias)
    out = x.new_empty(x.shape[0], weight.shape[0])
    launcher.launch(out, x, weight, bias)
    return out


def _order(x: torch.Tensor) -> tuple[choice.Implementation, ...]:
    if x.device.type == "cpu":
        return ON_CPU
    return ON_GPU if x.shape[0] <= _rows_on(x.device) else ON_GPU_MANY_ROWS


@cache
def _rows_on(device: torch.device) -> int:
    return preferred_rows(availability.arch_of(device))


def preferred_rows(arch: str) -> int:
    """Rows of x up to which the kernel is preferred on `arch`, as `tune/` says."""
    rows: int = tuned.of(TUNE, arch)["rows"]
    return rows


def why_not_on(target: str) -> str | None:
    """Why skinny_linear is not to be used on `target` in this build; None if it is."""
    if target == targets.REFERENCE:
        return None
    return availability.why_not_on_target(OP, target)


def describe(target: str) -> str:
    """What computes the op on `target`, in a few words."""
    return "torch reference" if target == targets.REFERENCE else f"{GEMV.name}, else {TORCH.name}"
