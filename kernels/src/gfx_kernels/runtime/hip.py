"""HIP: AMD's runtime, as torch for ROCm loads it."""

from __future__ import annotations

import ctypes
import sys
from functools import partial

from gfx_kernels.runtime import packing
from gfx_kernels.runtime.api import Api, Call

_LINUX = ("libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so")
_WINDOWS = ("amdhip64_7.dll", "amdhip64_6.dll", "amdhip64.dll")


class Hip(Api):
    NAMES = _WINDOWS if sys.platform == "win32" else _LINUX
    SUFFIX = ".hsaco"
    PREFIX = "hip"

    def text(self, code: int) -> str:
        said = self.library.hipGetErrorString
        said.restype = ctypes.c_char_p
        return f"{(said(ctypes.c_int(code)) or b'unknown').decode()} ({code})"

    def call(
        self, function: ctypes.c_void_p, config: int, params: ctypes.Array[ctypes.c_void_p]
    ) -> Call:
        # Cells that look into the packed numbers: the call reads what was packed last.
        sizes = [ctypes.c_uint.from_address(config + 4 * i) for i in range(7)]
        stream = ctypes.c_void_p.from_address(config + packing.STREAM)
        launch = self.library.hipModuleLaunchKernel
        return partial(launch, function, *sizes, stream, params, ctypes.c_void_p())
