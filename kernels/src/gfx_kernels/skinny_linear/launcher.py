"""Launch skinny_linear's kernel for 1 to 8 rows of x."""

from __future__ import annotations

from functools import cache

import torch

from gfx_kernels import rows, runtime

_THREADS = 256
_CREWS = 4  # of a block: 64 lanes that share outputs
_ROWS = (1, 2, 4, 8)  # that there are kernels for
_FEW = 4096  # outputs below which crews share them


@cache
def _kernel(dtype: torch.dtype, of: int) -> runtime.Kernel:
    name = f"skinny_linear_{rows.TYPES[dtype]}_m{of}"
    return runtime.kernel("skinny_linear", name, "ppppiiii", overlap=True)


def launch(
    out: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> None:
    """One launch on the current stream of `x`'s device; arguments as checked by the op."""
    (m, k), n = x.shape, weight.shape[0]
    of = min(r for r in _ROWS if r >= m)
    sharers = _CREWS if n < _FEW else 1
    outputs = (4 if of < 8 else 2) * _CREWS // sharers  # of a block
    _kernel(x.dtype, of).launch(
        (-(-n // outputs), 1, 1),
        (_THREADS, 1, 1),
        0,
        x.data_ptr(),
        weight.data_ptr(),
        0 if bias is None else bias.data_ptr(),
        out.data_ptr(),
        m,
        n,
        k,
        sharers,
        device=x.get_device(),
    )
