"""What tests, emulator and benchmarks do with the cases of ops that write their arguments.

Such an op's `cases.problem(case)` gives its arguments by name, `cases.WRITES` names those that it
writes, and `cases.worst(case, before, after)` says how far off they are: at most 1 passes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

Arguments = dict[str, Any]

# Half a unit in the last place of a result, relative; and of the smallest numbers, absolute.
ROUNDING = {torch.float32: 2**-24, torch.float16: 2**-11, torch.bfloat16: 2**-8}
SMALLEST = {torch.float32: 2**-150, torch.float16: 2**-25, torch.bfloat16: 2**-134}


def copied(arguments: Arguments, device: str | torch.device = "cpu") -> Arguments:
    """The same on `device`: strides, gaps between rows, and tensors that share memory."""
    made: dict[int, torch.UntypedStorage] = {}

    def copy(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        key = value.untyped_storage().data_ptr()
        if key not in made:
            made[key] = _bytes(value).to(device, copy=True).untyped_storage()
        empty = torch.empty(0, dtype=value.dtype, device=device)
        return empty.set_(made[key], value.storage_offset(), value.size(), value.stride())

    return {name: copy(value) for name, value in arguments.items()}


def doubled(arguments: Arguments) -> Arguments:
    """The arguments with every floating-point tensor in float64, for the exact result."""
    return {
        name: v.double() if isinstance(v, torch.Tensor) and v.is_floating_point() else v
        for name, v in copied(arguments).items()
    }


def exact(reference: Callable[..., None], before: Arguments) -> Arguments:
    """The arguments after `reference` has run on them in float64."""
    after = doubled(before)
    reference(**after)
    return after


def excess(got: torch.Tensor, wanted: torch.Tensor, allowed: torch.Tensor) -> float:
    """The largest |got - wanted| / allowed; infinite where only one is NaN, or they differ and
    are not finite. `allowed` is positive.
    """
    result, wanted = got.detach().cpu().double(), wanted.double()
    same = (result == wanted) | (result.isnan() & wanted.isnan())
    error = torch.where(same, 0.0, (result - wanted).abs() / allowed)
    return float(error.nan_to_num(nan=float("inf")).max())


def strays(before: Arguments, after: Arguments, writes: Sequence[str]) -> list[str]:
    """The arguments whose memory changed where the op has no business: outside what it writes."""
    tensors = {n: t for n, t in before.items() if isinstance(t, torch.Tensor) and t.numel()}
    own: dict[int, torch.Tensor] = {}  # per storage: the bytes that the op may write
    for name, tensor in tensors.items():
        key = tensor.untyped_storage().data_ptr()
        mask = own.setdefault(key, torch.zeros(len(_bytes(tensor)), dtype=torch.bool))
        if name in writes:
            spans = mask.view(-1, tensor.element_size())
            place = spans[:, 0].as_strided(
                tensor.size(),
                [s * tensor.element_size() for s in tensor.stride()],
                tensor.storage_offset() * tensor.element_size(),
            )
            place.fill_(True)
            spans[:] = spans[:, :1].clone()
    found = []
    for name, tensor in tensors.items():
        changed = _bytes(tensor) != _bytes(after[name]).cpu()
        if bool((changed & ~own[tensor.untyped_storage().data_ptr()]).any()):
            found.append(name)
    return found


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    """All of the memory that `tensor` is a view of."""
    storage = tensor.untyped_storage()
    return torch.empty(0, dtype=torch.uint8, device=tensor.device).set_(storage)


def normal(rng: torch.Generator, dtype: torch.dtype, *shape: int, gap: int = 0) -> torch.Tensor:
    """Random numbers, each row followed by `gap` numbers that belong to nobody."""
    padded = torch.randn(*shape[:-1], shape[-1] + gap, generator=rng).to(dtype)
    return padded[..., : shape[-1]]
