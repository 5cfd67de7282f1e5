"""One GPU API on one library, with the modules it has loaded; and which one this process uses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from gfx_kernels.codeobject import CodeObject
from gfx_kernels.runtime import library, objects
from gfx_kernels.runtime.api import BAD_IMAGE, Api
from gfx_kernels.runtime.cuda import Cuda
from gfx_kernels.runtime.errors import CorruptCodeObject, GpuError, NoRuntime
from gfx_kernels.runtime.hip import Hip
from gfx_kernels.runtime.host import Host, Torch


@dataclass(frozen=True)
class Module:
    """A loaded code object. The runtime may read the image later, so it stays alive here."""

    file: Path
    image: bytes
    code: CodeObject | None
    handle: Any


class Driver:
    """Loads code objects on the devices of one library. `folder` holds `<arch>/<op>.<suffix>`."""

    def __init__(self, api: Api, host: Host, folder: Path | None = None) -> None:
        self.api = api
        self.host = host
        self.folder = folder
        self.lock = threading.RLock()
        self._modules: dict[tuple[str, int], Module] = {}

    def module(self, op: str, device: int) -> Module:
        """The code object of `op`, loaded on `device`, the current one. Raises GpuError."""
        key = (op, device)
        with self.lock:
            if key not in self._modules:
                self._modules[key] = self._load(op, device)
            return self._modules[key]

    def _load(self, op: str, device: int) -> Module:
        arch = self.host.arch(device)
        file = objects.find(op, arch, self.api.SUFFIX, self.folder)
        image = file.read_bytes()
        holds = objects.verify(file, image, arch)
        handle, code = self.api.load(image)
        if code in BAD_IMAGE:
            raise CorruptCodeObject(
                f"{file}: the driver refuses it for {arch} ({self.api.text(code)}); "
                "reinstall gfx-kernels, or update the driver"
            )
        if code:
            raise GpuError(f"loading {file}: {self.api.text(code)}")
        return Module(file, image, holds, handle)


_in_use: list[Driver] = []  # of `use`; the last one counts


def current() -> Driver:
    """The driver that launches go to. Raises NoRuntime or NoDevice."""
    return _in_use[-1] if _in_use else _of_torch()


@contextmanager
def use(driver: Driver) -> Iterator[Driver]:
    """Send the launches of this process to `driver` meanwhile (tests)."""
    _in_use.append(driver)
    try:
        yield driver
    finally:
        _in_use.pop()


@cache
def _of_torch() -> Driver:
    if torch.version.hip:
        api: type[Api] = Hip
    elif torch.version.cuda:
        api = Cuda
    else:
        raise NoRuntime(
            f"torch {torch.__version__} is built for CPUs and brings no GPU runtime; "
            "install the pytorch of this GPU's target"
        )
    return Driver(api(library.find(api.NAMES)), Torch())
