"""Run a launch in the emulator, on the memory of this process."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.mock_hip.gpu import Launch

# The emulator is a tool of the repository, not part of the package; last in the list, so that what
# is installed is what is tested.
_SOURCES = str(Path(__file__).resolve().parents[2] / "kernels" / "src")
if _SOURCES not in sys.path:
    sys.path.append(_SOURCES)


def run(launch: Launch) -> Any:
    """Execute; returns the emulator's statistics. Raises its EmulationError."""
    import gfx_emulator  # here: who only records launches needs none

    memory = gfx_emulator.Memory()
    for buffer in launch.buffers():
        memory.map(buffer.address, buffer.size, buffer.name)
    program = _program(launch.file, launch.file.stat().st_mtime_ns)
    return program.launch(
        launch.kernel,
        launch.grid,
        launch.block,
        launch.kernarg,
        memory,
        dynamic_lds=launch.shared,
    )


@cache
def _program(file: Path, _changed: int) -> Any:
    import gfx_emulator

    return gfx_emulator.load(file, file.with_suffix(".lst"))
