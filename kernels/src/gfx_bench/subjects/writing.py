"""Ops that write some of their arguments, against their references, plain and compiled by torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from gfx_kernels import casework

from gfx_bench import assembly, subjects
from gfx_bench.contestants import OURS, Contestant, Round

# Ops whose references wait for numbers from the device: no graph can hold them.
READ_BACK = ("reshape_and_cache_flash",)
ALLOWED = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}
Function = Callable[..., Any]


def peers(op: str) -> list[str]:
    """Who can be timed beside `op`."""
    references = [] if op in READ_BACK else ["torch_eager", "torch_compile"]
    return [*references, *EXTRA.get(op, {})]


def bench(op: str, case: Any, peers: Sequence[str], _: Path | None, device: str) -> Round:
    """`case` of `op` on `device`."""
    cases = importlib.import_module(f"gfx_kernels.{op}.cases")
    reference = getattr(importlib.import_module(f"gfx_kernels.{op}.reference"), op)
    importlib.import_module(f"gfx_kernels.{op}")  # registers it
    launch = importlib.import_module(f"gfx_kernels.{op}.launcher").launch
    arguments = cases.problem(case)
    exact = casework.exact(reference, arguments)
    build = partial(_contestant, case, casework.copied(arguments, device), exact, cases.WRITES)
    builders = {name: partial(_alone, build, name, _other(op, name, reference)) for name in peers}
    taking_part, absent = assembly.gather(builders)
    ours = build(OURS, getattr(torch.ops.gfx, op), launch)
    return Round(case, shape(case), cases.traffic(case), [[ours], *taking_part], absent)


def shape(case: Any) -> dict[str, Any]:
    """What identifies the problem, for the results."""
    named = {"m": subjects.rows(case), **asdict(case)}
    return {k: str(v).removeprefix("torch.") if isinstance(v, torch.dtype) else v
            for k, v in named.items()}  # fmt: skip


def _alone(build: Callable[..., Contestant], name: str, function: Function) -> list[Contestant]:
    return [build(name, function)]


def _other(op: str, name: str, reference: Function) -> Function:
    if name == "torch_eager":
        return reference
    if name == "torch_compile":
        torch._dynamo.reset()  # a case a time: torch would compile only so many
        return torch.compile(reference, dynamic=False)
    return EXTRA[op][name]


def _contestant(
    case: Any,
    arguments: casework.Arguments,
    exact: casework.Arguments,
    writes: Sequence[str],
    name: str,
    function: Function,
    launch: Function | None = None,
) -> Contestant:
    device = next(a.device for a in arguments.values() if isinstance(a, torch.Tensor))

    def error() -> float:
        after = casework.copied(arguments, device)
        returned = function(**after)
        return max(_error(after | (returned or {}), exact, name) for name in writes)

    spare = casework.copied(arguments, device)
    return Contestant(
        name,
        _bytes(arguments),
        lambda: partial(function, **casework.copied(arguments, device)),
        error,
        ALLOWED[case.dtype],
        host={"launcher": partial(launch, **spare)} if launch else {},
    )


def _bytes(arguments: casework.Arguments) -> int:
    storages = [v.untyped_storage() for v in arguments.values() if isinstance(v, torch.Tensor)]
    return sum({s.data_ptr(): s.nbytes() for s in storages}.values())


def _error(got: casework.Arguments, exact: casework.Arguments, name: str) -> float:
    """max|got - exact| / max|exact|; equal where both are NaN, as untouched memory is."""
    result, wanted = got[name].detach().cpu().double(), exact[name].double()
    same = (result == wanted) | (result.isnan() & wanted.isnan())
    off = torch.where(same, 0.0, (result - wanted).abs()).nan_to_num(nan=float("inf")).max()
    return float(off / wanted.nan_to_num().abs().max().clamp_min(1e-30))


def _torch_rms_norm(
    out: torch.Tensor, input: torch.Tensor, weight: torch.Tensor | None, epsilon: float
) -> dict[str, torch.Tensor]:
    return {"out": torch.nn.functional.rms_norm(input, input.shape[-1:], weight, epsilon)}


# op -> name -> a function of the op's arguments; it writes them, or returns what it would write.
EXTRA: dict[str, dict[str, Function]] = {"rms_norm": {"torch_rms_norm": _torch_rms_norm}}
