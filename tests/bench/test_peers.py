"""Every peer that runs on a CPU gives the right numbers from our packing, Triton interpreted."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from gfx_bench.errors import Unavailable
from gfx_bench.peers import vllm_files
from gfx_bench.peers import w4a16_linear as others

ROOT = Path(__file__).parents[2]


def _vllm() -> Path:
    spec = importlib.util.find_spec("vllm")
    assert spec and spec.submodule_search_locations, "vLLM is installed where these tests run"
    return Path(spec.submodule_search_locations[0])


@cache
def _errors() -> list[list[Any]]:
    """[case, peer, error, allowed], or [case, peer, why not], from the program beside this."""
    path = os.pathsep.join(
        [*filter(None, [os.environ.get("PYTHONPATH")]), str(ROOT / "kernels/src")]
    )
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.peer_errors", str(_vllm())],
        cwd=ROOT,
        env={**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("peer", ["torch_fp16", "vllm_awq", "vllm_triton", "vllm_hybrid"])
def test_numbers(peer: str) -> None:
    found = [row for row in _errors() if row[1] == peer]
    assert len(found) == 3
    for case, _, error, allowed in found:
        assert error <= allowed, case


def test_conch_is_right_or_named_as_missing() -> None:
    for case, _, *said in (row for row in _errors() if row[1] == "conch"):
        if importlib.util.find_spec("conch") is None:
            assert "conch-triton-kernels" in said[0]
        elif "-g32-" in case:
            assert said[0] > said[1], "conch 1.3 was wrong there; now report it as right"
        else:
            assert said[0] <= said[1], case


def test_every_peer_is_tried() -> None:
    tried = {row[1] for row in _errors()}
    assert tried == others.PEERS.keys() - {"torch_int4"}


def test_stand_ins_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    source = _vllm()
    monkeypatch.setitem(sys.modules, "vllm", ModuleType("vllm"))
    before = {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "vllm"}
    vllm_files.function.cache_clear()
    vllm_files._loaded.cache_clear()
    assert callable(vllm_files.awq_gemm(source))
    assert {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "vllm"} == before


def test_a_folder_without_the_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"awq_triton\.py is missing"):
        vllm_files.awq_gemm(tmp_path)


def test_a_missing_number_is_an_infinite_error() -> None:
    exact = torch.ones(2, 3)
    assert others.relative_error(exact.half(), exact) == 0
    assert others.relative_error(exact * 1.5, exact) == 0.5
    unwritten = exact.clone()
    unwritten[1, 2] = float("nan")
    assert others.relative_error(unwritten, exact) == float("inf")
    assert others.relative_error(exact[:1], exact) == float("inf")
