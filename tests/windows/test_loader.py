"""The kernel loader on Windows Python: a DLL with AMD's interface, the emulator behind it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.kernels.runtime import objects
from tests.windows import programs
from tools import paths
from tools.kernels import kernels
from tools.variants import chosen
from tools.windows import run, wine

TESTS = "tests/kernels/runtime"
# What has no Windows side: a CUDA library is compiled, a card is needed, time is measured.
ELSEWHERE = ("test_cuda_twin.py", "test_on_gpu.py", "test_cost.py")


def _mock_library() -> ModuleType:
    """tests/mock_hip/library.py without its package, which imports torch."""
    file = paths.ROOT / "tests" / "mock_hip" / "library.py"
    spec = importlib.util.spec_from_file_location("mock_library", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def dll() -> Path:
    """The DLL; with it the probes are compiled, which Windows Python has no compiler for either."""
    for variant in chosen(None):
        if "emulated" in variant.tests:
            objects.for_gfx(variant.name)
    return Path(_mock_library().build("win32"))


def test_the_loaders_own_tests(dll: Path) -> None:
    """Those of Linux, word for word: launches, arguments, threads, captures, every error."""
    left_out = [f"--ignore={TESTS}/{name}" for name in ELSEWHERE]
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *left_out, TESTS]
    done = run.run(command, cwd=paths.ROOT, timeout=300)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    passed = int(done.stdout.rpartition(" passed")[0].split()[-1])
    assert passed > 60, done.stdout[-2000:]


@pytest.fixture(scope="module")
def said(dll: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the loader says to each of programs/loader.py's situations."""
    folder = tmp_path_factory.mktemp("dll")
    return dict(programs.output("loader", wine.windows_path(dll), wine.windows_path(folder)))


def test_a_dll_of_the_wheels_folder_is_found(said: dict[str, str]) -> None:
    assert said["in a folder of add_dll_directory"] == "amdhip64_7.dll"


def test_a_dll_that_is_loaded_is_found_wherever_it_lies(said: dict[str, str]) -> None:
    assert said["loaded by its path"] == "the same"


def test_no_dll(said: dict[str, str]) -> None:
    assert said["absent"] == (
        "NoRuntime: none of amdhip64_7.dll, amdhip64_6.dll, amdhip64.dll is loaded or found; "
        "install the GPU's driver (and torch for that GPU)"
    )


@pytest.mark.parametrize("what", ["text", "empty", "32-bit"])
def test_a_file_that_is_no_dll(said: dict[str, str], what: str) -> None:
    assert said[what] == (
        "NoRuntime: amdhip64_7.dll was found and is not a 64-bit library; "
        "install the GPU's driver again"
    )


def test_another_dll_of_that_name(said: dict[str, str]) -> None:
    assert said["another library"] == (
        "NoRuntime: amdhip64_7.dll has no hipInit, so it is no GPU runtime; "
        "install the GPU's driver again"
    )


def test_shipped_kernels_run_in_the_emulator() -> None:
    """gfx1100's code objects, launched by Windows Python, do what their references say."""
    kernels()
    outcomes = programs.output("emulate", "gfx1100", "rms_norm", "silu_and_mul", timeout=300)
    assert {o["op"] for o in outcomes} == {"rms_norm", "silu_and_mul"}
    assert [o for o in outcomes if o["problems"]] == []
