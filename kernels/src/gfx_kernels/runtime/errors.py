"""What can go wrong between a launcher and the GPU; every message is one line."""

from __future__ import annotations


class GpuError(RuntimeError):
    """A kernel could not be loaded or launched."""


class NoRuntime(GpuError):
    """There is no HIP or CUDA driver library for this process."""


class NoDevice(GpuError):
    """The driver is there and sees no device."""


class NoCodeObject(GpuError):
    """This op was not built for this device."""


class CorruptCodeObject(GpuError):
    """A file is not a code object, or not the one that its op needs."""


class WrongTarget(GpuError):
    """A code object holds another target's code."""


class LaunchLimit(GpuError):
    """More threads or LDS than the kernel or the device has."""


class LaunchFailed(GpuError):
    """The driver refused a launch, or reported an earlier failure with it."""
