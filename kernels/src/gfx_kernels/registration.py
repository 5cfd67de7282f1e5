"""Register an op that writes some of its arguments and returns nothing: `gfx::<name>`.

The op checks, then picks: on a GPU the kernel comes first, on the cpu the reference. Whichever
serves, the arguments and the result are those of the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from gfx_kernels import availability, choice

Function = Callable[..., None]
_MOST_LAYOUTS = 4096  # remembered per op


def writing_op(
    name: str, arguments: str, check: Function, launch: Function, reference: Function
) -> None:
    """Define `gfx::<name>(<arguments>) -> ()`.

    `check`, `launch` and `reference` take the op's arguments; `check` raises ValueError for what
    the other two do not serve. Tracing sees an op that only writes: shapes stay as they are.
    """
    qualified = f"gfx::{name}"
    torch.library.define(qualified, f"({arguments}) -> ()")
    for key in ("cpu", "cuda"):  # torch's key for AMD's GPUs is cuda too
        torch.library.impl(qualified, key, _server(name, check, launch, reference))
    torch.library.register_fake(qualified, _writes_only)


def _server(name: str, check: Function, launch: Function, reference: Function) -> Function:
    kernel = choice.Implementation("kernel", _why_no_kernel(name))
    plain = choice.Implementation("reference", lambda *_: None)
    run = {kernel.name: launch, plain.name: reference}

    checked = once_per_layout(check)

    def serve(*arguments: Any, **named: Any) -> None:
        checked(*arguments, **named)
        device = next(a.device for a in arguments if isinstance(a, torch.Tensor))
        offered = (plain, kernel) if device.type == "cpu" else (kernel, plain)
        run[choice.pick(name, offered, device).name](*arguments, **named)

    return serve


def once_per_layout(check: Function) -> Function:
    """`check`, which a model's every step would repeat, skipped for what it has already passed.

    Only on a GPU, where it looks at dtypes, shapes, strides and devices alone; values it sees on
    the cpu.
    """
    passed: set[tuple[Any, ...]] = set()

    def checked(*arguments: Any, **named: Any) -> None:
        given = (*arguments, *named.values())
        layout = (*map(_layout, given), *named)
        if layout in passed:
            return
        check(*arguments, **named)
        if len(passed) == _MOST_LAYOUTS:
            passed.clear()
        if not any(isinstance(a, torch.Tensor) and a.device.type == "cpu" for a in given):
            passed.add(layout)

    return checked


def _layout(argument: Any) -> Any:
    if not isinstance(argument, torch.Tensor):
        return argument
    return argument.dtype, argument.device, argument.shape, argument.stride()


def _why_no_kernel(name: str) -> Callable[[torch.device], str | None]:
    def why_not(device: torch.device) -> str | None:
        return availability.why_not_on_device(name, device)

    return why_not


def _writes_only(*_: Any, **__: Any) -> None:
    """What tracing sees."""
