"""Every op that writes its arguments, by its kernel on a real GPU; skipped without one.

Needs torch, this package and a code object for the device (`GFX_KERNELS_CODE`), nothing else. Ops
that return a tensor have a file of their own, `test_<op>_on_gpu.py`.
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
from gfx_kernels import casework, weak_ref_tensor

from tests.support import writing_op

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

# Of the benchmark's cases, those whose exact result is quick to compute.
_MOST_BYTES = 8 << 20


def _cases(op: str) -> list[Any]:
    cases = writing_op.cases_of(op)
    return [*cases.CASES, *(c for c in cases.BENCH if cases.traffic(c) <= _MOST_BYTES)]


ALL = [pytest.param(op, c, id=f"{op}-{c.name}") for op in writing_op.OPS for c in _cases(op)]


@pytest.fixture(autouse=True)
def only_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel cannot serve, the op raises."""
    wishes = ",".join(f"{op}=kernel" for op in writing_op.OPS)
    monkeypatch.setenv("GFX_KERNELS_IMPLEMENTATION", wishes)


def _after(op: str, before: casework.Arguments) -> casework.Arguments:
    after = casework.copied(before, "cuda")
    writing_op.call(op, after)
    return after


@pytest.mark.parametrize("op, case", ALL)
def test_kernel(op: str, case: Any) -> None:
    cases = writing_op.cases_of(op)
    before = cases.problem(case)
    after = _after(op, before)
    assert cases.worst(case, before, after) <= 1
    assert casework.strays(before, after, cases.WRITES) == []


def _differing(op: str, one: casework.Arguments, other: casework.Arguments) -> list[str]:
    pairs = [(n, one[n], other[n]) for n in writing_op.cases_of(op).WRITES if one[n] is not None]
    return [n for n, a, b in pairs if not torch.equal(_bits(a), _bits(b))]


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.cpu().contiguous().view(torch.uint8)


@pytest.mark.parametrize("op", writing_op.OPS)
def test_runs_agree_to_the_bit(op: str) -> None:
    before = writing_op.cases_of(op).problem(_cases(op)[0])
    first = _after(op, before)
    assert not any(_differing(op, _after(op, before), first) for _ in range(20))


@pytest.mark.parametrize("op", writing_op.OPS)
def test_a_launch_allocates_nothing(op: str) -> None:
    launcher = importlib.import_module(f"gfx_kernels.{op}.launcher")
    arguments = casework.copied(writing_op.cases_of(op).problem(_cases(op)[0]), "cuda")
    launcher.launch(**arguments)
    before = torch.cuda.memory_stats()["allocation.all.allocated"]
    launcher.launch(**arguments)
    assert torch.cuda.memory_stats()["allocation.all.allocated"] == before


@pytest.mark.parametrize("op", writing_op.OPS)
def test_a_captured_graph_replays(op: str) -> None:
    before = writing_op.cases_of(op).problem(_cases(op)[0])
    captured, fresh = casework.copied(before, "cuda"), casework.copied(before, "cuda")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        writing_op.call(op, captured)
    for name in writing_op.cases_of(op).WRITES:  # capturing did nothing yet
        if fresh[name] is not None:
            captured[name].copy_(fresh[name])
    graph.replay()
    writing_op.call(op, fresh)
    assert _differing(op, captured, fresh) == []


def test_a_weak_reference_frees_with_its_owner() -> None:
    before = torch.cuda.memory_allocated()
    owner = torch.zeros(1 << 20, device="cuda")
    weak = weak_ref_tensor.weak_ref_tensor(owner[5:])
    owner[5] = 3.0
    assert weak[0].item() == 3.0
    del owner
    assert torch.cuda.memory_allocated() == before
