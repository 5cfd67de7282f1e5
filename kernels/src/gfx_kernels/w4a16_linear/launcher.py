"""Launch w4a16_linear's kernels for few rows of x."""

from __future__ import annotations

from functools import cache

import torch

from gfx_kernels.runtime import Driver, current
from gfx_kernels.w4a16_linear import plan


def gemv(
    out: torch.Tensor,
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    bias: torch.Tensor | None,
    group_size: int,
) -> None:
    """One launch on the current stream of `x`'s device: `x` `[m, k]` to `out` `[m, n]`.

    At most `plan.at_once` rows; arguments as checked by the op; the weight as `layout` says.
    """
    (m, k), n = x.shape, out.shape[1]
    arch = arch_of(current(), x.get_device())
    todo = plan.plan(arch, x.dtype, m, n, k, k // group_size, zeros is not None)
    launch(todo, out, x, qweight, scales, zeros, bias)


@cache
def arch_of(driver: Driver, device: int) -> str:
    """The architecture of a device; -1 is the current one, which only a test's driver has."""
    return driver.host.arch(device if device >= 0 else driver.host.current_device())


def launch(
    todo: plan.Plan,
    out: torch.Tensor,
    x: torch.Tensor,
    qweight: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    bias: torch.Tensor | None,
) -> None:
    """The launch of a plan that is known."""
    todo.kernel.launch(
        (todo.blocks, 1, 1),
        (todo.threads, 1, 1),
        todo.shared,
        x.data_ptr(),
        qweight.data_ptr(),
        scales.data_ptr(),
        0 if zeros is None else zeros.data_ptr(),
        0 if bias is None else bias.data_ptr(),
        out.data_ptr(),
        *todo.numbers,
        device=x.get_device(),
    )
