"""What HIP's module interface and CUDA's driver interface have in common.

The two differ in names, in how an error code becomes text, in contexts and in the launch call;
`hip.py` and `cuda.py` state that and nothing else. The numbers below are equal in both.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from gfx_kernels.runtime.errors import GpuError, NoDevice, NoRuntime

MAX_THREADS_PER_BLOCK = 0  # function attributes
MAX_DYNAMIC_SHARED = 8
NO_DEVICE = 100  # error codes
BAD_IMAGE = (200, 209, 218)  # invalid image, no binary for this device, invalid kernel file
RELAXED = 2  # stream capture mode: this thread may do what is not captured

Call = Callable[[], int]


class Api:
    """One library, its calls checked: a code other than 0 raises."""

    NAMES: ClassVar[tuple[str, ...]]  # file names of the library, best first
    SUFFIX: ClassVar[str]  # of a code object's file
    PREFIX: ClassVar[str]
    NO_CONTEXT: ClassVar[int | None] = None  # the code that `bind` cures

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        if not hasattr(library, self.PREFIX + "Init"):
            raise NoRuntime(
                f"{library._name} has no {self.PREFIX}Init, so it is no GPU runtime; "
                "install the GPU's driver again"
            )
        self("Init", ctypes.c_uint(0))

    def __call__(self, name: str, *args: object) -> None:
        """Call `<prefix><name>`; arguments are ctypes objects."""
        code = getattr(self.library, self.PREFIX + name)(*args)
        if code:
            kind = NoDevice if code == NO_DEVICE else GpuError
            raise kind(f"{self.PREFIX}{name}: {self.text(code)}")

    def text(self, code: int) -> str:
        """An error code in the runtime's words."""
        raise NotImplementedError

    def bind(self, device: int) -> None:
        """Make `device` the one that this thread's calls are about."""

    def load(self, image: bytes) -> tuple[ctypes.c_void_p, int]:
        """A module of `image`, and the code: 0, or why there is none."""
        module = ctypes.c_void_p()
        load = getattr(self.library, self.PREFIX + "ModuleLoadData")
        return module, load(ctypes.byref(module), ctypes.c_char_p(image))

    def function(self, module: ctypes.c_void_p, name: str) -> tuple[ctypes.c_void_p, int]:
        """The kernel `name` of a module, and the code: 0, or why there is none."""
        found = ctypes.c_void_p()
        get = getattr(self.library, self.PREFIX + "ModuleGetFunction")
        return found, get(ctypes.byref(found), module, ctypes.c_char_p(name.encode()))

    def attribute(self, function: ctypes.c_void_p, number: int) -> int:
        value = ctypes.c_int()
        self("FuncGetAttribute", ctypes.byref(value), ctypes.c_int(number), function)
        return value.value

    def max_dynamic_shared(self, function: ctypes.c_void_p, device: int) -> int:
        """Bytes of LDS a launch may ask for beside the kernel's own."""
        return self.attribute(function, MAX_DYNAMIC_SHARED)

    def overlap(self, device: int) -> int:
        """The address of the launch attribute that lets kernels overlap; 0 where there is none."""
        return 0

    def argument_sizes(self, function: ctypes.c_void_p) -> list[int] | None:
        """Bytes of each argument, if the driver knows; a HIP code object says it itself."""
        return None

    def call(
        self, function: ctypes.c_void_p, config: int, params: ctypes.Array[ctypes.c_void_p]
    ) -> Call:
        """A launch whose numbers lie at address `config`, as `kernel.CONFIG` packs them."""
        raise NotImplementedError

    @contextmanager
    def uncaptured(self) -> Iterator[None]:
        """What is called here is legal, and not recorded, while a stream is captured."""
        mode = ctypes.c_int(RELAXED)
        self("ThreadExchangeStreamCaptureMode", ctypes.byref(mode))
        try:
            yield
        finally:
            self("ThreadExchangeStreamCaptureMode", ctypes.byref(mode))
