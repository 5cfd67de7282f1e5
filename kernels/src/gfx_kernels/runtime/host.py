"""What torch knows and the loader asks: the current device and stream, and a device's name."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import torch

from gfx_kernels.runtime.errors import NoDevice


class Host(Protocol):
    """Torch on a GPU, or a test's stand-in for it."""

    def current_device(self) -> int:
        """The ordinal of this thread's device."""

    def stream(self, device: int) -> int:
        """The handle of the current stream of `device`; what is captured, while one captures."""

    def arch(self, device: int) -> str:
        """The name of the folder with code for `device`: its gfx name, or `sm_` and a number."""

    def on(self, device: int) -> AbstractContextManager[object]:
        """Make `device` the current one for a while."""


class Torch:
    """The Host of a torch that was built for GPUs."""

    def __init__(self) -> None:
        if not torch.cuda.is_available():
            raise NoDevice("torch sees no GPU; is its driver installed, and is it made visible?")
        torch.cuda.current_device()  # initialises; what follows does not, and costs a third
        self.current_device = torch._C._cuda_getDevice
        self.stream = torch._C._cuda_getCurrentRawStream
        self.on = torch.cuda.device

    def arch(self, device: int) -> str:
        facts = torch.cuda.get_device_properties(device)
        if torch.version.hip:
            return str(facts.gcnArchName).partition(":")[0]  # features follow the name
        return f"sm_{facts.major}{facts.minor}"
