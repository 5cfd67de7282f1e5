"""What the gated activations share: `out = activation(gate) * up` for rows `[gate | up]`."""

from __future__ import annotations

from collections.abc import Callable

import torch

from gfx_kernels import checks, registration, rows, runtime

_THREADS = 128
_SIGNATURE = "ppil"


def check(out: torch.Tensor, input: torch.Tensor) -> None:
    """Raises ValueError for what the ops do not serve."""
    checks.dtype("input", input, *rows.DTYPES)
    checks.same_dtype(input=input, out=out)
    checks.same_device(input=input, out=out)
    if input.dim() == 0 or input.shape[-1] % 2:
        raise ValueError(f"input is {list(input.shape)}; give it [..., 2 * size]: gate, then up")
    checks.not_empty("input", input)
    size = input.shape[-1] // 2
    checks.between("the size of out's rows", size, 1, rows.MOST_BLOCKS_Y * _THREADS)
    checks.rows_contiguous("input", input)
    checks.shape("out", out, (*input.shape[:-1], size))
    checks.contiguous("out", out)
    checks.between("the rows of input", rows.find("input", input, 1).count, 1, rows.MOST)


def launcher(name: str) -> Callable[[torch.Tensor, torch.Tensor], None]:
    """What launches the op called `name`."""

    def launch(out: torch.Tensor, input: torch.Tensor) -> None:
        """One launch on the current stream of `input`'s device; arguments as checked."""
        size, at = out.shape[-1], rows.find("input", input, 1)
        kernel, numbers = f"{name}_{rows.TYPES[input.dtype]}", 16 // input.element_size()
        if not (rows.wide(input, size, at.outer_stride) and rows.wide(out)):
            kernel, numbers = kernel + "_odd", 1
        runtime.kernel(name, kernel, _SIGNATURE, overlap=True).launch(
            (at.count, -(-size // (_THREADS * numbers)), 1),
            (_THREADS, 1, 1),
            0,
            out.data_ptr(),
            input.data_ptr(),
            size,
            at.outer_stride,
            device=input.get_device(),
        )

    return launch


def register(name: str, launch: registration.Function, reference: registration.Function) -> None:
    """Define `gfx::<name>(out, input)`."""
    registration.writing_op(name, "Tensor(a!) out, Tensor input", check, launch, reference)


def halves(input: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Gate and up in float32, or in float64 if `input` is."""
    inside = torch.float64 if input.dtype == torch.float64 else torch.float32
    gate, up = input.to(inside).chunk(2, dim=-1)
    return gate, up


def output(input: torch.Tensor, out: torch.Tensor | None) -> torch.Tensor:
    """`out`, or a new tensor for it."""
    if out is not None:
        return out
    size = input.shape[-1] // 2 if input.dim() else 0
    return torch.empty((*input.shape[:-1], size), dtype=input.dtype, device=input.device)
