"""Launch w4a16_linear's kernel for 1 to 8 rows of x."""

from __future__ import annotations

import torch

from gfx_kernels.runtime import driver
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

    Arguments as checked by the op; the weight as `layout` says.
    """
    (m, k), n, device = x.shape, out.shape[1], x.get_device()
    host = driver.current().host
    arch = host.arch(device if device >= 0 else host.current_device())
    todo = plan.plan(arch, x.dtype, m, n, k, k // group_size, zeros is not None)
    launch(todo, out, x, qweight, scales, zeros, bias)


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
