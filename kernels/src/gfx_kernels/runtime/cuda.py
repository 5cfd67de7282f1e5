"""CUDA's driver interface: the same sources, run and timed on NVIDIA's GPUs."""

from __future__ import annotations

import ctypes
import sys
from functools import partial

from gfx_kernels.runtime.api import MAX_DYNAMIC_SHARED, Api, Call

_DEVICE_SHARED_OPTIN = 97  # device attribute: LDS of a block, for kernels that ask
_STATIC_SHARED = 1  # function attribute
_CAPABILITY_MAJOR = 75  # device attribute
_OVERLAP_SINCE = 9  # that capability


class _Attribute(ctypes.Structure):
    """CUlaunchAttribute: a number, padding to 8, and a union of 64 bytes."""

    _fields_ = (("id", ctypes.c_int), ("pad", ctypes.c_int), ("value", ctypes.c_int * 16))


# A launch may begin while the kernel before it in the stream ends; it must wait for that kernel
# itself before it touches what that kernel writes (gfx.h has the instruction).
_OVERLAP = _Attribute(id=6)  # CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION
_OVERLAP.value[0] = 1


class Cuda(Api):
    NAMES = ("nvcuda.dll",) if sys.platform == "win32" else ("libcuda.so.1",)
    SUFFIX = ".cubin"
    PREFIX = "cu"
    NO_CONTEXT = 201

    def text(self, code: int) -> str:
        said = ctypes.c_char_p()
        self.library.cuGetErrorString(ctypes.c_int(code), ctypes.byref(said))
        return f"{(said.value or b'unknown').decode()} ({code})"

    def bind(self, device: int) -> None:
        """Make the primary context, which is torch's, current in this thread."""
        handle, context = ctypes.c_int(), ctypes.c_void_p()
        self("DeviceGet", ctypes.byref(handle), ctypes.c_int(device))
        self("DevicePrimaryCtxRetain", ctypes.byref(context), handle)
        self("CtxSetCurrent", context)

    def device_attribute(self, number: int, device: int) -> int:
        value = ctypes.c_int()
        self("DeviceGetAttribute", ctypes.byref(value), ctypes.c_int(number), ctypes.c_int(device))
        return value.value

    def overlap(self, device: int) -> int:
        able = self.device_attribute(_CAPABILITY_MAJOR, device) >= _OVERLAP_SINCE
        return ctypes.addressof(_OVERLAP) if able else 0

    def max_dynamic_shared(self, function: ctypes.c_void_p, device: int) -> int:
        """What the device can give; more than 48 KB must be asked for, which this does."""
        most = self.device_attribute(_DEVICE_SHARED_OPTIN, device)
        left = most - self.attribute(function, _STATIC_SHARED)
        self("FuncSetAttribute", function, ctypes.c_int(MAX_DYNAMIC_SHARED), ctypes.c_int(left))
        return left

    def argument_sizes(self, function: ctypes.c_void_p) -> list[int] | None:
        if not hasattr(self.library, "cuFuncGetParamInfo"):  # drivers before CUDA 12.4
            return None
        sizes: list[int] = []
        offset, size = ctypes.c_size_t(), ctypes.c_size_t()
        info = self.library.cuFuncGetParamInfo
        while not info(
            function, ctypes.c_size_t(len(sizes)), ctypes.byref(offset), ctypes.byref(size)
        ):
            sizes.append(size.value)
        return sizes

    def call(
        self, function: ctypes.c_void_p, config: int, params: ctypes.Array[ctypes.c_void_p]
    ) -> Call:
        launch = self.library.cuLaunchKernelEx
        return partial(launch, ctypes.c_void_p(config), function, params, ctypes.c_void_p())
