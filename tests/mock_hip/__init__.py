"""A HIP device made of C and NumPy: the loader under test calls a real library's real functions.

    with mock_hip.device("gfx1100") as gpu:
        launcher.launch(out, x)         # CPU tensors; the emulator runs the compiled kernel
    gpu.launches[0].stats

`gpu.map(x=x)` bounds a buffer by the tensor itself; buffers that are not named are found among the
live tensors and bounded by their storage. `gpu.fail(function, code)` orders a failure;
`gpu.capture()` records launches as a graph does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gfx_kernels import runtime
from gfx_kernels.runtime.hip import Hip

from tests.mock_hip import emulated, library
from tests.mock_hip.gpu import Gpu, Launch
from tests.mock_hip.host import Host

__all__ = ["Gpu", "Hip", "Host", "Launch", "device", "library"]

OBJECTS = Path(__file__).resolve().parents[2] / "build" / "kernels"


@contextmanager
def device(
    *archs: str,
    folder: Path = OBJECTS,
    run: Callable[[Launch], object] | None = emulated.run,
) -> Iterator[Gpu]:
    """Devices called `archs`, and the loader's launches sent to them; the first is current.

    `folder` holds `<arch>/<op>.hsaco` and `.lst`. `run` executes a launch; None only counts.
    """
    gpu = Gpu(Host(*archs), folder, run)
    with runtime.use(runtime.Driver(Hip(library.load()), gpu.host, folder)):
        yield gpu
