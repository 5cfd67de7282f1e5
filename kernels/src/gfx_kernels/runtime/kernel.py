"""The handle a launcher keeps, and the launch itself: pack the numbers, call the driver."""

from __future__ import annotations

import ctypes
import struct
from functools import cache
from typing import Any, NoReturn

from gfx_kernels.runtime import driver as drivers
from gfx_kernels.runtime import objects, packing
from gfx_kernels.runtime.api import MAX_THREADS_PER_BLOCK
from gfx_kernels.runtime.errors import LaunchFailed, LaunchLimit

Size = tuple[int, int, int]


@cache
def kernel(op: str, name: str, signature: str, overlap: bool = False) -> Kernel:
    """The kernel `name` of the code object of `op`; the same object for the same arguments.

    `signature`: a letter per argument: `p` pointer (an int), `i` int32, `u` uint32, `l` int64,
    `f` float32. `overlap`: let it begin while the kernel before it ends, where the device can
    (NVIDIA); it must then wait itself. Loads nothing. Raises ValueError for an unknown letter.
    """
    unknown = set(signature) - packing.LETTERS.keys()
    if unknown:
        known = ", ".join(f"{letter} {name}" for letter, name in packing.NAMES.items())
        raise ValueError(f"signature {signature!r} of {name}: the letters are {known}")
    return Kernel(op, name, signature, overlap)


class Kernel:
    """A kernel on whichever device is current; made by `kernel`."""

    def __init__(self, op: str, name: str, signature: str, overlap: bool) -> None:
        self.op, self.name, self.signature, self.overlap = op, name, signature, overlap
        self._driver: drivers.Driver | None = None
        self._ready: dict[int, _Ready] = {}

    def launch(
        self, grid: Size, block: Size, shared_bytes: int, *arguments: Any, device: int = -1
    ) -> None:
        """Launch `grid` blocks of `block` threads with `shared_bytes` of dynamic LDS.

        `arguments`: as the signature says. `device`: the ordinal of the tensors' device
        (`x.get_device()`); -1 means the current one. Runs on that device's current stream.
        Raises a GpuError, or TypeError where the arguments do not fit the signature.
        """
        driver = drivers.current()
        now = driver.host.current_device()
        if device >= 0 and device != now:
            with driver.host.on(device):
                return self.launch(grid, block, shared_bytes, *arguments)
        ready = self._ready.get(now) if self._driver is driver else None
        if ready is None:
            ready = self.load()
        ready.launch(grid, block, shared_bytes, driver.host.stream(now), arguments)

    def load(self) -> _Ready:
        """Load it on the current device, if it is not yet.

        Loading is legal while a stream is captured and is no part of the graph; to keep its
        milliseconds out of the first call, call this at start-up. Raises a GpuError.
        """
        driver = drivers.current()
        with driver.lock:
            if self._driver is not driver:
                self._ready = {}
                self._driver = driver
            device = driver.host.current_device()
            if device not in self._ready:
                driver.api.bind(device)
                with driver.api.uncaptured():
                    self._ready[device] = _Ready(self, driver, device)
            return self._ready[device]


class _Slot:
    """Where one launch packs its numbers. The driver reads them before the call returns."""

    def __init__(self, ready: _Ready) -> None:
        self.memory = (ctypes.c_uint64 * (ready.packer.size // 8 + 1))()
        address = ctypes.addressof(self.memory)
        self.params = (ctypes.c_void_p * (len(ready.offsets) or 1))(
            *(address + offset for offset in ready.offsets)
        )
        self.call = ready.driver.api.call(ready.function, address, self.params)


class _Ready:
    """A kernel loaded on one device."""

    def __init__(self, kernel: Kernel, driver: drivers.Driver, device: int) -> None:
        self.kernel, self.driver, self.device = kernel, driver, device
        self.module = driver.module(kernel.op, device)
        self.function = objects.function(driver.api, self.module, kernel.name)
        self.max_threads = driver.api.attribute(self.function, MAX_THREADS_PER_BLOCK)
        self.max_shared = driver.api.max_dynamic_shared(self.function, device)
        self.packer, self.offsets = packing.layout(kernel.signature)
        objects.verify_signature(
            driver.api, self.module, self.function, kernel.name, kernel.signature
        )
        self.attributes = driver.api.overlap(device) if kernel.overlap else 0
        # Slots that no launch uses: `pop` and `append` are atomic, so two threads, or a finaliser
        # in the middle of a launch, never share one, and nobody waits for a lock.
        self._free: list[_Slot] = []

    def launch(
        self, grid: Size, block: Size, shared_bytes: int, stream: int, arguments: tuple[Any, ...]
    ) -> None:
        x, y, z = block
        if x * y * z > self.max_threads or shared_bytes > self.max_shared:
            self._refuse(block, shared_bytes)
        try:
            slot = self._free.pop()
        except IndexError:
            slot = _Slot(self)
        try:
            self.packer.pack_into(
                slot.memory, 0, *grid, x, y, z, shared_bytes, stream,
                self.attributes, 1 if self.attributes else 0, *arguments,
            )  # fmt: skip
        except (struct.error, OverflowError) as error:
            raise TypeError(self._misfit(arguments, error)) from None
        code = slot.call()
        if code and code == self.driver.api.NO_CONTEXT:  # the first call of a new thread
            self.driver.api.bind(self.device)
            code = slot.call()
        self._free.append(slot)
        if code:
            raise self._failed(code, grid, block, shared_bytes)

    def _refuse(self, block: Size, shared_bytes: int) -> NoReturn:
        raise LaunchLimit(
            f"{self.kernel.name}: {block} threads and {shared_bytes} bytes of dynamic LDS; on this "
            f"device it can have {self.max_threads} threads and {self.max_shared} bytes"
        )

    def _misfit(self, arguments: tuple[Any, ...], error: Exception) -> str:
        kinds = ", ".join(type(a).__name__ for a in arguments)
        wanted = ", ".join(packing.NAMES[letter] for letter in self.kernel.signature)
        return f"{self.kernel.name} takes ({wanted}), not ({kinds}): {error}"

    def _failed(self, code: int, grid: Size, block: Size, shared_bytes: int) -> LaunchFailed:
        return LaunchFailed(
            f"{self.kernel.name} [{grid} blocks of {block} threads, {shared_bytes} bytes of "
            f"dynamic LDS]: {self.driver.api.text(code)}; an error of an earlier kernel may show "
            "up here"
        )
