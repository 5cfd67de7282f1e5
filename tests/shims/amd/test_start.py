"""Where the AMD platform cannot start it says why and what to do."""

from __future__ import annotations

from pathlib import Path

from tests.shims.amd import simulate

_PLATFORM = "from vllm.platforms import current_platform as p; print(type(p).__name__, p.is_rocm())"


def test_unknown_card() -> None:
    child = simulate.python("gfx1", "-c", _PLATFORM)
    assert child.returncode != 0
    last = child.stderr.strip().splitlines()[-1]
    assert last.startswith("ValueError: unknown target 'gfx1'; known targets:")
    assert all(name in last for name in simulate.GFX)


def test_the_reference_target_is_no_card() -> None:
    child = simulate.python("cpu", "-c", _PLATFORM)
    assert "ValueError: VLLM_GFX_SIMULATE takes a gfx name" in child.stderr


def test_without_the_interpreter() -> None:
    code = "import vllm_gfx.platform.simulated"
    child = simulate.python("gfx1100", "-c", code, TRITON_INTERPRET="0")
    last = child.stderr.strip().splitlines()[-1]
    assert last.startswith("RuntimeError: VLLM_GFX_SIMULATE needs TRITON_INTERPRET=1")


def test_one_variable_is_enough_behind_the_early_door() -> None:
    code = f"import vllm_gfx.early, os; {_PLATFORM}; from vllm.triton_utils import HAS_TRITON as h"
    code += "; print(h, os.environ['TRITON_INTERPRET'])"
    child = simulate.python("gfx906", "-c", code, TRITON_INTERPRET="0", HIP_VISIBLE_DEVICES="0")
    assert child.stdout.split()[-4:] == ["SimulatedRocmPlatform", "True", "True", "1"]


# As an environment for that card would be installed; the gfx name is not the subject here.
_INSTALLED = "from gfx_kernels import targets; targets.built_for = lambda: 'gfx1100'"


def test_no_gpu_and_none_simulated(tmp_path: Path) -> None:
    """The diagnosis that `vllm-gfx serve` gives, in one line, for `LLM(...)` too."""
    (tmp_path / "gfx1100").mkdir()
    (tmp_path / "gfx1100" / "an_op.hsaco").write_bytes(b"")
    code = f"{_INSTALLED}; {_PLATFORM}"
    child = simulate.python("", "-c", code, GFX_KERNELS_CODE=str(tmp_path))
    last = child.stderr.strip().splitlines()[-1]
    assert last.startswith("vllm_gfx.refusal.Refusal: torch 2.") and "is the CPU build" in last
    assert "built for gfx1100; install the pytorch of this channel" in last
