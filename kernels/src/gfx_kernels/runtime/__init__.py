"""Launch compiled kernels on torch's current stream, through HIP's or CUDA's module interface.

A launcher keeps a handle and launches it; nothing is loaded before the first launch on a device:

    _KERNEL = runtime.kernel("rms_norm", "rms_norm_f16", "pppiif")
    _KERNEL.launch((rows, 1, 1), (256, 1, 1), 0, out.data_ptr(), ..., device=x.get_device())

A launch allocates nothing on the device. It may run while a stream is captured, also the first one,
which loads the code object: see `Kernel.load`. Any thread may launch.
"""

from gfx_kernels.runtime.driver import Driver, current, use
from gfx_kernels.runtime.errors import (
    CorruptCodeObject,
    GpuError,
    LaunchFailed,
    LaunchLimit,
    NoCodeObject,
    NoDevice,
    NoRuntime,
    WrongTarget,
)
from gfx_kernels.runtime.kernel import Kernel, kernel

__all__ = [
    "CorruptCodeObject",
    "Driver",
    "GpuError",
    "Kernel",
    "LaunchFailed",
    "LaunchLimit",
    "NoCodeObject",
    "NoDevice",
    "NoRuntime",
    "WrongTarget",
    "current",
    "kernel",
    "use",
]
