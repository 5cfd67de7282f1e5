"""Checks that are the same for every op of gfx_kernels that writes its arguments."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from gfx_kernels import casework
from numpy.typing import NDArray

Array: TypeAlias = "NDArray[Any]"
Definition = Callable[[dict[str, Any]], dict[str, Array]]


def cases_of(op: str) -> Any:
    return importlib.import_module(f"gfx_kernels.{op}.cases")


_SOURCES = Path(__file__).parents[2] / "kernels" / "src" / "gfx_kernels"
# Ops with a kernel; and of those, the ones that write arguments and return nothing.
WITH_KERNEL = sorted(p.stem for p in _SOURCES.glob("*/*.hip"))
OPS = [op for op in WITH_KERNEL if hasattr(cases_of(op), "WRITES")]


def call(op: str, arguments: casework.Arguments) -> None:
    getattr(torch.ops.gfx, op)(**arguments)


def small(op: str) -> list[Any]:
    """The cases that a definition in plain NumPy gets through quickly."""
    return [case for case in cases_of(op).CASES if case.emulate]


def check_result(op: str, case: Any) -> None:
    """What the op leaves behind is right, and it leaves everything else alone."""
    cases = cases_of(op)
    before = cases.problem(case)
    after = casework.copied(before)
    call(op, after)
    assert cases.worst(case, before, after) <= 1
    assert casework.strays(before, after, cases.WRITES) == []


def check_definition(op: str, case: Any, definition: Definition) -> None:
    """The reference, in float64, is the definition written out in NumPy."""
    cases, reference = cases_of(op), importlib.import_module(f"gfx_kernels.{op}.reference")
    before = cases.problem(case)
    exact = casework.exact(getattr(reference, op), before)
    wanted = definition({n: _array(v) for n, v in casework.doubled(before).items()})
    assert set(wanted) == {n for n in cases.WRITES if before[n] is not None}
    for name, array in wanted.items():
        np.testing.assert_allclose(_array(exact[name]), array, rtol=1e-11, atol=1e-13)


def _array(value: Any) -> Any:
    return value.numpy() if isinstance(value, torch.Tensor) else value


def check_traceable(op: str, case: Any) -> None:
    """torch's own checks of the op's schema and tracing, and ours."""
    arguments = cases_of(op).problem(case)
    torch.library.opcheck(getattr(torch.ops.gfx, op).default, (), arguments)
    check_compiles(op, case)


def check_compiles(op: str, case: Any) -> None:
    """Compiled whole, without a break, it does the same."""
    problem = cases_of(op).problem
    eager, compiled = casework.copied(problem(case)), casework.copied(problem(case))
    call(op, eager)
    torch.compiler.reset()  # it counts how often `call` was compiled, for whichever op
    torch.compile(call, fullgraph=True, backend="aot_eager")(op, compiled)
    for name in cases_of(op).WRITES:
        if eager[name] is not None:
            found, wanted = (t[name].float().nan_to_num(1e9) for t in (compiled, eager))
            assert torch.equal(found, wanted), name
