"""Whether an op's compiled kernels can run: on a target by name, on the device of a tensor."""

from __future__ import annotations

from functools import cache

import torch

from gfx_kernels import targets
from gfx_kernels.runtime import GpuError, NoCodeObject, driver, hip, objects
from gfx_kernels.runtime.host import Torch


def why_not_on_target(op: str, target: str) -> str | None:
    """Why this build has no code object of `op` for `target`; None if it has. Needs no device."""
    try:
        objects.find(op, target, hip.Hip.SUFFIX)
    except NoCodeObject as error:
        return str(error)
    return None


def why_not_on_device(op: str, device: torch.device) -> str | None:
    """Why kernels of `op` cannot run on tensors of `device`; None if they can.

    A driver that a test put in use (`runtime.use`) may serve tensors of the CPU.
    """
    try:
        current = driver.current()
    except GpuError as error:
        return str(error)
    if device.type == "cpu" and isinstance(current.host, Torch):
        return "x is on the cpu; the kernel runs on a GPU"
    return _no_object(current, op, _index(current, device))


def target_of(device: torch.device) -> targets.Target | None:
    """The target table's row for a GPU; None for one that the table does not have.

    Raises a GpuError where there is no GPU.
    """
    return targets.all_targets().get(arch_of(device))


def arch_of(device: torch.device) -> str:
    """The architecture of a GPU, as `gfx1100` or `sm_90`. Raises a GpuError without a GPU."""
    current = driver.current()
    return current.host.arch(_index(current, device))


def _index(current: driver.Driver, device: torch.device) -> int:
    return current.host.current_device() if device.index is None else device.index


@cache
def _no_object(current: driver.Driver, op: str, index: int) -> str | None:
    try:
        objects.find(op, current.host.arch(index), current.api.SUFFIX, current.folder)
    except NoCodeObject as error:
        return str(error)
    return None
