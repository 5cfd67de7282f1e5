"""Triton for targets that its own tables lack: what it makes of them is executed, and is right."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import triton
from gfx_kernels import targets
from triton.backends.amd.compiler import amd
from vllm_gfx.engine import triton_lowering

from tests.emulator import triton_code

RENAMED = [t.name for t in targets.all_targets().values() if t.triton_as]
_SIZE = 32


@pytest.fixture
def lowering(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The shim, for one test, and nothing compiled before it."""
    monkeypatch.setattr(triton.knobs.compilation, "always_compile", True)
    triton_lowering.install()
    yield
    for name in triton_lowering.PASSES:
        shimmed = getattr(amd.passes.ttgpuir, name)
        setattr(amd.passes.ttgpuir, name, shimmed.upstream)


def _product(n: int) -> dict[str, Any]:
    random = torch.Generator().manual_seed(0)
    a, b = (torch.randn(_SIZE, _SIZE, generator=random).half() for _ in range(2))
    return {"a": a, "b": b, "out": torch.zeros(_SIZE, _SIZE), "n": n, "SIZE": _SIZE}


@pytest.mark.parametrize("gfx", RENAMED)
def test_it_is_still_needed(gfx: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton.knobs.compilation, "always_compile", True)
    with pytest.raises(RuntimeError, match="PassManager"):
        triton_code.compiled(triton_code.softmax_of_product, _product(_SIZE), gfx)


@pytest.mark.parametrize("gfx", RENAMED)
def test_dot_and_reductions(gfx: str, lowering: None, tmp_path: Path) -> None:
    given = _product(n := 29)
    triton_code.run(triton_code.softmax_of_product, (1,), given, gfx, tmp_path)
    a, b = (given[name][:n, :n].double() for name in ("a", "b"))
    torch.testing.assert_close(given["out"][:n, :n].double(), (a @ b).softmax(1), rtol=0, atol=2e-6)
    assert not given["out"][n:].any() and not given["out"][:, n:].any()


@pytest.mark.parametrize("gfx", RENAMED)
def test_upstreams_attention(gfx: str, tmp_path: Path) -> None:
    """In a process of its own: vLLM has Triton's kernels where it was shown no GPU at all."""
    hidden = {"HIP_VISIBLE_DEVICES": "", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "tests.emulator.upstream_attention", gfx, str(tmp_path)]
    env = {**os.environ, **hidden, "TRITON_CACHE_DIR": str(tmp_path / "cache")}
    child = subprocess.run(command, env=env, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr[-2000:]
    assert float(child.stdout.split()[-1]) < 2e-3
