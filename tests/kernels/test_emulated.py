"""Every shipped kernel's machine code, in the emulator, through its op's launcher.

Each tensor is a buffer of its own, so a byte outside of one is an error; each kernel also runs with
two fillings of what nothing wrote, and must do the same.
"""

from __future__ import annotations

import ctypes
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from gfx_kernels import runtime
from gfx_kernels.w4a16_linear import cases as w4a16_cases

_SOURCES = str(Path(__file__).resolve().parents[2] / "kernels" / "src")
if _SOURCES not in sys.path:
    sys.path.append(_SOURCES)  # last: what is installed is what is tested

from gfx_bench import emulate  # noqa: E402

_TARGETS = emulate.emulated_targets()
_ran: dict[str, set[str]] = {gfx: set() for gfx in _TARGETS}


@pytest.mark.parametrize("op", emulate.ops())
@pytest.mark.parametrize("gfx", _TARGETS)
def test_kernels_do_what_the_reference_says(gfx: str, op: str) -> None:
    outcomes = list(emulate.every(gfx, [op]))
    assert outcomes, f"{op} marks no case for emulation"
    problems = {f"{o.case} ({', '.join(o.kernels)})": o.problems for o in outcomes if o.problems}
    assert not problems
    _ran[gfx].update(name for outcome in outcomes for name in outcome.kernels)


@pytest.mark.parametrize("gfx", _TARGETS)
def test_no_shipped_kernel_is_left_out(gfx: str) -> None:
    """Of the ops that ran above, all of them in a whole run of this file."""
    missed = emulate.shipped(gfx) - _ran[gfx]
    ran = {op for op in emulate.ops() if any(name.startswith(op) for name in _ran[gfx])}
    assert sorted(name for name in missed if name.startswith(tuple(ran))) == []


def _rms_norm() -> Any:
    return next(case for case in emulate.cases("rms_norm") if case.dtype == torch.float16)


def test_a_wrong_result_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    execute = emulate._runner(1)

    def wrong(launch: Any) -> Any:
        done = execute(launch)
        out = next(buffer for buffer in launch.named if buffer.name == "out")
        ctypes.c_uint8.from_address(out.address + 1).value ^= 0x40
        return done

    monkeypatch.setattr(emulate, "_runner", lambda seed: wrong)
    outcome = emulate.run("rms_norm", _rms_norm(), "gfx1100")
    assert any("allowed error" in problem for problem in outcome.problems)


def test_a_tensor_that_is_too_short_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def shorter(gpu: Any, **tensors: Any) -> None:
        given = {n: t for n, t in tensors.items() if isinstance(t, torch.Tensor)}
        gpu.map(**given | {"out": given["out"].flatten()[:-1]})

    monkeypatch.setattr(emulate, "_map", shorter)
    with pytest.raises(runtime.LaunchFailed, match=r"OutOfBounds: store .* nearest buffer, out"):
        emulate.run("rms_norm", _rms_norm(), "gfx1100")


def test_a_result_that_depends_on_junk_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def junk(seed: int) -> Any:
        def fill(launch: Any) -> Any:
            out = next(buffer for buffer in launch.named if buffer.name == "out")
            ctypes.memset(out.address, seed, out.size)
            return SimpleNamespace(waves=1)

        return fill

    monkeypatch.setattr(emulate, "_runner", junk)
    outcome = emulate.run("rms_norm", _rms_norm(), "gfx1100", emulate.SEEDS)
    assert any("unwritten" in problem for problem in outcome.problems)


@pytest.mark.parametrize("gfx", ["gfx906", "gfx1100"])
def test_a_real_layer_takes_seconds(gfx: str) -> None:
    """4096 x 4096 weights, one row: waves of 64 and of 32. The bound is for this thread's work."""
    case = w4a16_cases.Case(1, 4096, 4096, 128, torch.float16)
    seconds: list[float] = []
    execute = emulate._runner(1)

    def timed(launch: Any) -> Any:
        start = time.thread_time()
        done = execute(launch)
        seconds.append(time.thread_time() - start)
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emulate, "_runner", lambda seed: timed)
        outcome = emulate.run("w4a16_linear", case, gfx)
    assert outcome.problems == []
    assert len(seconds) == 1 and seconds[0] <= 5
