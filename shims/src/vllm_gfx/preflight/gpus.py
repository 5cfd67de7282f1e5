"""Which GPU problem stops an engine: none there, hidden, of another vendor, or of another gfx."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vllm_gfx.machine import drivers
from vllm_gfx.preflight import gfx
from vllm_gfx.preflight.world import VISIBLE, World
from vllm_gfx.refusal import Refusal

_HIDING = ("ROCR_VISIBLE_DEVICES", *VISIBLE)  # ROCR hides devices from HIP, before it looks
# What both vendors' runtimes say, in words that torch passes on, and as the name of an error.
_OLD_DRIVER = ("insufficient", "too old")


def refusal(world: World, count: int = 1) -> Refusal | None:
    """Why no engine of `count` GPUs can start in this world; None if one can."""
    reasons: tuple[Callable[[World], Refusal | None], ...] = (
        _no_kernels,
        _wrong_torch,
        _ambiguous,
        _no_device,
        lambda world: gfx.refusal(world, count),
    )
    return next((found for reason in reasons if (found := reason(world)) is not None), None)


def remarks(world: World) -> list[str]:
    """What is worth a line although the engine can start."""
    found = []
    if world.others:
        used = world.torch.devices[0].name
        found.append(f"GPUs of two vendors are here: {used} is used, {_names(world.others)} is not")
    if (old := _old_package(world)) is not None:
        found.append(old)
    return found


def _no_kernels(world: World) -> Refusal | None:
    if world.kernels:
        return None
    what = f"this environment is built for {world.built_for} and holds no kernels for it"
    return Refusal(what, "install the package gfx-kernels again")


def _wrong_torch(world: World) -> Refusal | None:
    if world.torch.hip:
        return None
    what = (
        f"torch {world.torch.version} is {world.torch.build}, but this environment is built for "
        f"{world.built_for}"
    )
    if world.amd and world.others:
        what += f" and GPUs of two vendors are here ({_names([*world.amd, *world.others])})"
    return Refusal(what, "install the pytorch of this channel (its build says rocm)")


def contradiction(variables: Mapping[str, str]) -> Refusal | None:
    """Why these variables do not say which of AMD's GPUs are meant; None if they do."""
    hip, cuda = (variables.get(name) for name in VISIBLE)
    if not hip or not cuda or hip == cuda:
        return None
    return Refusal(
        f"HIP_VISIBLE_DEVICES={hip} and CUDA_VISIBLE_DEVICES={cuda} contradict each other, "
        "and AMD's runtime reads both",
        "unset CUDA_VISIBLE_DEVICES",
    )


def _ambiguous(world: World) -> Refusal | None:
    if (found := contradiction(world.variables)) is not None:
        return found
    hip, cuda = (world.variables.get(name) for name in VISIBLE)
    if world.others and cuda and not hip:
        return Refusal(
            f"GPUs of two vendors are here ({_names([*world.amd, *world.others])}) and "
            f"CUDA_VISIBLE_DEVICES={cuda} counts the devices of both",
            "unset it, or say which AMD GPU is meant with HIP_VISIBLE_DEVICES=0",
        )
    return None


def _no_device(world: World) -> Refusal | None:
    if world.torch.devices:
        return None
    built = world.built_for
    said = ", ".join(filter(None, (world.torch.error, world.runtime))) or "no reason given"
    if any(word in said.lower() for word in _OLD_DRIVER):
        return Refusal(f"the driver is older than the runtime needs ({said})", _update(world))
    what = f"no GPU for this environment, which is built for {built}"
    for variable in _HIDING:
        value = world.variables.get(variable)
        if value is not None and _hides_all(value, len(world.amd)):
            return Refusal(f"{what}: {variable}={value!r} hides it", f"unset {variable}")
    return _unseen(world, what, said)


def _hides_all(value: str, gpus: int) -> bool:
    """Whether a list of device numbers ends before its first one. A UUID is taken for valid."""
    first = value.split(",")[0].strip()
    if not first.removeprefix("-").isdigit():
        return not first
    return int(first) < 0 or 0 < gpus <= int(first)


def _unseen(world: World, what: str, said: str) -> Refusal:
    cpu = "install the cpu target (gfx-target=*=cpu_*)"
    if world.adapters and not world.amd:
        return Refusal(f"{what}: this machine has {_names(world.adapters)} and none of AMD's", cpu)
    if world.kfd == "forbidden":
        remedy = "sudo usermod -aG render,video $USER, then log in again"
        return Refusal(f"{what}: this user may not open {drivers.KFD}", remedy)
    if world.kfd == "absent":
        remedy = f"load the kernel's amdgpu driver if an AMD GPU is built in, or {cpu}"
        return Refusal(f"{what}: {drivers.KFD} does not exist", remedy)
    if (old := _old_package(world)) is not None:
        return Refusal(f"{what}: {old}", _update(world))
    return Refusal(f"{what}: torch sees none ({said})", f"check the driver, or {cpu}")


def _old_package(world: World) -> str | None:
    """A driver package older than the one that AMD documents; many older ones work as well."""
    rocm = drivers.rocm_of(world.torch.version)
    if (old := drivers.older(world.adapters, rocm)) is None:
        return None
    adapter, wanted = old
    return (
        f"the driver of {adapter.name} is {adapter.software}, AMD documents {wanted.software} "
        f"or newer for ROCm {rocm}"
    )


def _update(world: World) -> str:
    wanted = drivers.documented(drivers.rocm_of(world.torch.version))
    if world.system == "win32":
        least = f" {wanted.software} or newer" if wanted else ""
        return f"install AMD Software: Adrenalin Edition{least}"
    return "install a newer kernel, or a newer amdgpu driver from AMD"


def _names(adapters: Any) -> str:
    return ", ".join(adapter.name for adapter in adapters)
