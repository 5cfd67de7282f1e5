"""Small kernels, some with a planted bug, compiled for each emulated target."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

# The emulator and the compiler's driver are tools of the repository, not parts of the package;
# last in the list, so that what is installed is what is tested.
_SOURCES = str(Path(__file__).resolve().parents[2] / "kernels" / "src")
if _SOURCES not in sys.path:
    sys.path.append(_SOURCES)

from gfx_compile import toolchain  # noqa: E402
from gfx_compile.compile import compile_one  # noqa: E402
from gfx_emulator import Memory, Program, Stats, load  # noqa: E402
from gfx_kernels import targets  # noqa: E402

EMULATED = sorted(t.name for t in targets.all_targets().values() if "emulated" in t.tests)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Compile `<name>.hip` of this folder for a target, once: the path of its code object."""
    done: dict[tuple[str, str], Path] = {}

    def compile_it(name: str, gfx: str) -> Path:
        if (name, gfx) not in done:
            results = compile_one(Path(__file__).with_name(f"{name}.hip"), gfx, toolchain.amd())
            folder = tmp_path_factory.mktemp(gfx)
            for step, suffix in (("linked", ".hsaco"), ("listing", ".lst")):
                (folder / f"{name}{suffix}").write_bytes(results[step])
            done[name, gfx] = folder / f"{name}.hsaco"
        return done[name, gfx]

    return compile_it


@pytest.fixture(params=EMULATED)
def toys(request: pytest.FixtureRequest, compiled: Callable[[str, str], Path]) -> Program:
    hsaco = compiled("toys", request.param)
    return load(hsaco, hsaco.with_suffix(".lst"))


Launch = Callable[..., Stats]


@pytest.fixture
def launch(toys: Program) -> Launch:
    """`launch(kernel, blocks, threads, *arguments)`: arrays are buffers, which it updates."""

    def run(
        kernel: str, blocks: int, threads: int, *arguments: np.ndarray | int, seed: int = 0
    ) -> Stats:
        memory, kernarg = Memory(), b""
        places: list[tuple[int, np.ndarray]] = []
        for n, a in enumerate(arguments):
            if isinstance(a, np.ndarray):
                places.append((memory.alloc(a, f"buffer{n}"), a))
                kernarg = kernarg.ljust(-(-len(kernarg) // 8) * 8, b"\0")
                kernarg += places[-1][0].to_bytes(8, "little")
            else:
                kernarg += a.to_bytes(4, "little", signed=True)
        stats = toys.launch(kernel, (blocks, 1, 1), (threads, 1, 1), kernarg, memory, seed=seed)
        for address, array in places:
            array[...] = np.frombuffer(memory.read(address, array.nbytes), array.dtype).reshape(
                array.shape
            )
        return stats

    return run
