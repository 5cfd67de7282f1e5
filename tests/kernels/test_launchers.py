"""Launchers without a GPU: what they ask the runtime for, and that they allocate nothing."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from gfx_kernels import runtime
from torch.utils._python_dispatch import TorchDispatchMode

from tests.support import writing_op

ALL = [
    pytest.param(op, c, id=f"{op}-{c.name}")
    for op in writing_op.OPS
    for c in writing_op.cases_of(op).CASES
]
# Of the checkout: the package holds no sources.
_LIBRARY = Path(__file__).resolve().parents[2] / "kernels" / "src" / "gfx_kernels"
_MOST_BLOCKS = (2**31 - 1, 65535, 65535)  # CUDA's limits are the narrower ones
_VIEWS = {"aten::select", "aten::slice", "aten::alias"}


class _OnlyViews(TorchDispatchMode):
    """Raises where torch would compute or allocate."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        assert name in _VIEWS, f"a launcher calls {name}"
        return func(*args, **(kwargs or {}))


class _Recorder:
    """Stands where a kernel would be, and remembers its launches."""

    def __init__(self) -> None:
        self.launches: list[tuple[str, str, str, Any, Any, int, tuple[Any, ...]]] = []

    def kernel(self, op: str, name: str, signature: str, overlap: bool = False) -> Any:
        recorder = self

        class Kernel:
            def launch(self, grid: Any, block: Any, shared: int, *rest: Any, device: int) -> None:
                recorder.launches.append((op, name, signature, grid, block, shared, rest))

        return Kernel()


@pytest.mark.parametrize("op, case", ALL)
def test_one_launch_and_no_allocation(op: str, case: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = _Recorder()
    monkeypatch.setattr(runtime, "kernel", recorder.kernel)
    arguments = writing_op.cases_of(op).problem(case)
    with _OnlyViews():
        importlib.import_module(f"gfx_kernels.{op}.launcher").launch(**arguments)
    assert len(recorder.launches) == 1
    found, name, signature, grid, block, shared, rest = recorder.launches[0]
    assert found == op and name.startswith(f"{op}_") and len(signature) == len(rest)
    assert all(1 <= n <= most for n, most in zip(grid, _MOST_BLOCKS, strict=True))
    assert block[1:] == (1, 1) and block[0] % 64 == 0 and shared == 0
    pointers = {a.data_ptr() for a in arguments.values() if isinstance(a, torch.Tensor)}
    given = [a for a, kind in zip(rest, signature, strict=True) if kind == "p"]
    assert pointers <= set(given) or case_offsets(case), "every tensor is handed over"


def case_offsets(case: Any) -> bool:
    """Whether the kernel starts inside a tensor: a part of each head is rotated."""
    return bool(getattr(case, "offset", 0))


@pytest.mark.parametrize("op", writing_op.OPS)
def test_rows_at_odd_places_have_a_variant(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads of 16 bytes at other places would fault, or read what is not meant."""
    recorder = _Recorder()
    monkeypatch.setattr(runtime, "kernel", recorder.kernel)
    launch = importlib.import_module(f"gfx_kernels.{op}.launcher").launch
    for case in writing_op.cases_of(op).CASES:
        launch(**writing_op.cases_of(op).problem(case))
    names = {launch[1] for launch in recorder.launches}
    assert any(n.endswith("_odd") for n in names) and not all(n.endswith("_odd") for n in names)


@pytest.mark.parametrize("source", sorted(_LIBRARY.glob("*/*.hip")), ids=lambda path: path.stem)
def test_who_may_begin_early_waits(source: Path) -> None:
    """A launch that overlaps and does not wait reads what is not yet written."""
    folder = source.parent
    modules = [*folder.glob("*.py"), *([_LIBRARY / "gated.py"] if _included(source) else [])]
    early = any("overlap=True" in module.read_text("utf-8") for module in modules)
    text = source.read_text("utf-8") + "".join(p.read_text("utf-8") for p in _included(source))
    text += "".join(path.read_text("utf-8") for path in folder.glob("*.h"))
    assert early == bool(
        re.search(r"^ .*\b(overlap_launches|previous_launch_done)\(\)", text, re.M)
    )


def _included(source: Path) -> list[Path]:
    """The shared headers of a kernel, but the one that defines what is looked for."""
    names = re.findall(r'#include "(\w+\.h)"', source.read_text("utf-8"))
    shared = [_LIBRARY / "include" / name for name in names if name != "gfx.h"]
    return [path for path in shared if path.is_file()]
