"""Whether the devices in use are those that the kernels, and torch's device packages, are for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from vllm_gfx.machine.torch_view import Device
from vllm_gfx.preflight.world import VISIBLE, World
from vllm_gfx.refusal import Refusal


def refusal(world: World, count: int) -> Refusal | None:
    """Why the first `count` devices cannot be used: one has another gfx; None if they can."""
    wrong = [d for d in world.torch.devices[:count] if d.gfx != world.built_for]
    if not wrong:
        return None
    device = wrong[0]
    what = (
        f"device {device.index} ({device.name}) is {device.gfx or 'of unknown gfx'}, for which "
        f"this environment holds no kernels: it is built for {world.built_for}"
    )
    fitting = [d for d in world.torch.devices if d.gfx == world.built_for]
    if len(fitting) >= count:
        chosen = ",".join(_number(world, d) for d in fitting[:count])
        return Refusal(what, f"set HIP_VISIBLE_DEVICES={chosen}, which is {fitting[0].name}")
    return Refusal(what, _other_target(world, device))


def _number(world: World, device: Device) -> str:
    """What a device is called in HIP_VISIBLE_DEVICES, which may be set already."""
    shown = next((v for n in VISIBLE if (v := world.variables.get(n))), "")
    return shown.split(",")[device.index] if shown else str(device.index)


def _other_target(world: World, device: Device) -> str:
    targets: Any = import_module("gfx_kernels.targets")
    known = targets.all_targets()
    if device.gfx in known:
        return f"install its target: gfx-target=*={device.gfx}_*"
    cpu = f"install the cpu target (gfx-target=*={targets.REFERENCE}_*)"
    near = targets.nearest(device.gfx, known) if device.gfx.startswith("gfx") else None
    if near is None:
        return f"no target is near it: {cpu}"
    if world.system == "win32":
        return f"the nearest target is {near.name}, which this device does not run; {cpu}"
    built = "" if near.name == world.built_for else f"install gfx-target=*={near.name}_* and "
    return (
        f"the nearest target is {near.name}: {built}try HSA_OVERRIDE_GFX_VERSION={near.isa}, which "
        f"makes AMD's runtime take the device for one (nobody has tried it), or {cpu}"
    )
