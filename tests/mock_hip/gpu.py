"""The Python side of the mock: which object was loaded, what was launched, and on what memory."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from gfx_kernels import codeobject

from tests.mock_hip import buffers, library
from tests.mock_hip.host import Host

SUCCESS, INVALID_IMAGE, NO_BINARY, NOT_FOUND, LAUNCH_FAILURE = 0, 200, 209, 500, 719
LDS = 64 * 1024  # of a block, on every target here

# The code object's name of an implicit argument, in the order of mock_hip.c, from 1.
IMPLICIT = (
    *(f"hidden_block_count_{axis}" for axis in "xyz"),
    *(f"hidden_group_size_{axis}" for axis in "xyz"),
    *(f"hidden_remainder_{axis}" for axis in "xyz"),
    "hidden_grid_dims",
    "hidden_dynamic_lds_size",
)
ZERO = len(IMPLICIT) + 1  # every other one: this device has no queues, heaps or printf buffers


@dataclass
class Launch:
    """One launch, as the device got it."""

    kernel: str
    file: Path
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared: int
    stream: int
    kernarg: bytes
    kinds: tuple[codeobject.Arg, ...] = field(repr=False)
    named: list[buffers.Buffer] = field(repr=False)
    stats: Any = None

    def arguments(self) -> list[int]:
        """What the launcher passed, as unsigned integers: a code object knows sizes, not types."""
        return [
            int.from_bytes(self.kernarg[a.offset : a.offset + a.size], "little")
            for a in self.kinds
            if not a.kind.startswith("hidden")
        ]

    def buffers(self) -> list[buffers.Buffer]:
        """The named buffers, and the live tensors that other pointers point into."""
        pointers = {
            int.from_bytes(self.kernarg[a.offset : a.offset + a.size], "little")
            for a in self.kinds
            if a.kind == "global_buffer"
        }
        named = {p for p in pointers for b in self.named if b.address <= p < b.address + b.size}
        return [*self.named, *buffers.around(pointers - named)]


class Gpu:
    """What `mock_hip.device` yields."""

    def __init__(self, host: Host, folder: Path, run: Callable[[Launch], object] | None) -> None:
        self.host = host
        self.launches: list[Launch] = []
        self.graph: list[Launch] | None = None
        self.error: BaseException | None = None
        self.folder, self._run = folder, run
        self._named: list[buffers.Buffer] = []
        self.loaded: list[Path] = []
        self._kernels: list[tuple[Path, codeobject.Kernel]] = []
        self._library = library.load()
        # ctypes keeps no reference to these: they must live as long as the library calls them.
        launch = library.LAUNCH(self._launch) if run else library.LAUNCH()
        self._callbacks = library.LOAD(self._load), library.FIND(self._find), launch
        self._library.mock_install(*self._callbacks)

    def map(self, **tensors: torch.Tensor) -> None:
        """Let kernels touch these tensors, and these bytes of them only."""
        self._named += [buffers.of(name, tensor) for name, tensor in tensors.items()]

    def fail(self, function: str, code: int) -> None:
        """Let the library's `function` return `code` from now on; 0 ends it."""
        if self._library.mock_fail(function.encode(), ctypes.c_int(code)):
            raise ValueError(f"{function} cannot be made to fail; see mock_hip.c")

    @contextmanager
    def capture(self) -> Iterator[list[Launch]]:
        """Record launches instead of running them; `replay` runs them."""
        recorded: list[Launch] = []
        self.graph = recorded
        self._library.mock_capture(1)
        try:
            yield recorded
        finally:
            self._library.mock_capture(0)
            self.graph = None

    def capture_mode(self) -> int:
        """This thread's: 0 where nothing unsafe may be called while a stream is captured."""
        mode: int = self._library.mock_capture_mode()
        return mode

    def replay(self, graph: list[Launch]) -> None:
        for launch in graph:
            self._execute(launch)

    def _load(self, image: int, size: int, module: Any) -> int:
        data = ctypes.string_at(image, size)
        file = next((f for f in self.folder.glob("*/*.hsaco") if f.read_bytes() == data), None)
        if file is None:
            return INVALID_IMAGE
        if codeobject.read(file).gfx != self.host.arch(self.host.current_device()):
            return NO_BINARY
        self.loaded.append(file)
        module[0] = len(self.loaded)
        return SUCCESS

    def _find(self, module: int, name: bytes, found: Any) -> int:
        file = self.loaded[module - 1]
        kernel = codeobject.read(file).kernels.get(name.decode())
        if kernel is None:
            return NOT_FOUND
        self._kernels.append((file, kernel))
        function = found.contents
        function.id = len(self._kernels) - 1
        function.max_threads, function.lds = kernel.max_threads, kernel.lds
        function.max_dynamic_lds = LDS - kernel.lds
        function.kernarg_size, function.count = kernel.kernarg_size, len(kernel.args)
        for cell, argument in zip(function.arguments, kernel.args, strict=False):
            cell.offset, cell.size = argument.offset, argument.size
            cell.kind = _kind(argument.kind)
        return SUCCESS

    def _launch(self, config: Any, kernarg: int, size: int) -> int:
        file, kernel = self._kernels[config.contents.id]
        c = config.contents
        launch = Launch(
            kernel.name,
            file,
            tuple(c.grid),
            tuple(c.block),
            c.shared,
            c.stream or 0,
            ctypes.string_at(kernarg, size),
            kernel.args,
            self._named,
        )
        if self.graph is not None:
            self.graph.append(launch)
            return SUCCESS
        try:
            self._execute(launch)
        except BaseException as error:  # noqa: BLE001 - C cannot pass it on: the launch fails of it
            self.error = error
            words = " ".join(f"{type(error).__name__}: {error}".split())
            self._library.mock_say(f"unspecified launch failure: {words}".encode())
            return LAUNCH_FAILURE
        return SUCCESS

    def _execute(self, launch: Launch) -> None:
        self.launches.append(launch)
        if self._run:
            launch.stats = self._run(launch)


def _kind(name: str) -> int:
    if not name.startswith("hidden"):
        return 0
    return IMPLICIT.index(name) + 1 if name in IMPLICIT else ZERO
