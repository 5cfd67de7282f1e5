"""Wrong packages: what an environment holds that cannot work together, and what to install."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vllm_gfx.doctor.finding import BROKEN, WARNING, Finding
from vllm_gfx.doctor.installed import Distribution, Installed, normalised
from vllm_gfx.machine.drivers import rocm_of

# conda packages that only this channel has in the form that is needed; the second for GPUs only.
_OURS = ("vllm", "vllm-gfx", "gfx-kernels")
_OURS_ON_GPU = ("pytorch", "torchvision", "rocm", "rocm-sdk-core", "rocm-sdk-libraries")
_CONDA_NAMES = {"torch": "pytorch"}
# Each is built for one version of ROCm, and says it.
_OF_ROCM = re.compile(r"rocm|rocm-sdk-.+")
_OF_TORCH = re.compile(r"amd-torch-device-.+")
_GPU_STACK = re.compile(r"torch|torchvision|rocm|rocm-sdk-.+|amd-torch.+|triton.*")


def packages(installed: Installed, built_for: str, reference: str) -> list[Finding]:
    """Everything wrong with the packages of an environment for the target `built_for`."""
    on_gpu = built_for != reference
    found = [*_vllm(installed), *_target(installed, built_for), *_channels(installed, on_gpu)]
    found += _replaced(installed)
    if on_gpu and "+rocm" in _version(installed, "torch"):
        found += [*_devices(installed, built_for), *_rocm_versions(installed)]
    return found + list(_unmet(installed))


def _version(installed: Installed, name: str) -> str:
    held = installed.distributions.get(name)
    return held.version if held else ""


def _vllm(installed: Installed) -> Iterator[Finding]:
    for name in ("vllm", "torch"):
        if name not in installed.distributions:
            package = _CONDA_NAMES.get(name, name)
            yield Finding(BROKEN, f"{name} is not installed", f"install the package {package}")


def _target(installed: Installed, built_for: str) -> Iterator[Finding]:
    mutex = installed.packages.get("gfx-target")
    if mutex and (named := mutex.build.rpartition("_")[0]) != built_for:
        what = f"gfx-target says {named}, but gfx-kernels is built for {built_for}"
        yield Finding(BROKEN, what, f"install gfx-kernels=*={named}_*")


def _channels(installed: Installed, on_gpu: bool) -> Iterator[Finding]:
    mutex = installed.packages.get("gfx-target")
    for name in (*_OURS, *(_OURS_ON_GPU if on_gpu else ())) if mutex else ():
        held = installed.packages.get(name)
        if mutex and held and held.channel != mutex.channel:
            what = f"{name} {held} is not the one of the channel {mutex.channel}"
            yield Finding(BROKEN, what, "set channel_priority to strict and install it again")


def _replaced(installed: Installed) -> Iterator[Finding]:
    """Distributions that pip put over a conda package."""
    for name, held in installed.distributions.items():
        package = installed.packages.get(_CONDA_NAMES.get(name, name))
        if package and held.installer in ("pip", "uv") and _GPU_STACK.fullmatch(name):
            what = f"{held.installer} put {name} {held.version} over {package.name} {package}"
            remedy = f"{held.installer} uninstall {name}, then install {package.name} again"
            yield Finding(BROKEN, what, remedy)


def _devices(installed: Installed, gfx: str) -> Iterator[Finding]:
    """torch's parts for the target: those that torch's extra names, and the SDK's."""
    wanted = [f"rocm-sdk-device-{gfx}", f"amd-torch-device-{gfx}"]
    for requirement in installed.distributions["torch"].requires:
        if re.search(rf"extra\s*==\s*['\"]device-{gfx}['\"]", requirement):
            wanted.append(_required_name(requirement))
    present = installed.distributions.keys() | installed.packages.keys()
    missing = [name for name in dict.fromkeys(wanted) if name not in present]
    if missing:
        others = sorted(name for name in present if name.startswith("rocm-sdk-device-"))
        there = f" (there: {', '.join(others)})" if others else ""
        what = f"device package for {gfx} missing{there}"
        yield Finding(BROKEN, what, f"install {' '.join(missing)}")


def _required_name(requirement: str) -> str:
    return normalised(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])


def _rocm_versions(installed: Installed) -> Iterator[Finding]:
    torch = _version(installed, "torch")
    rocm = rocm_of(torch)
    for name, held in sorted(installed.distributions.items()):
        if _OF_ROCM.fullmatch(name) and held.version != rocm and name != "rocm-bootstrap":
            what = f"{name} is {held.version}, torch {torch} is built for {rocm}"
            yield Finding(BROKEN, what, f"install {name} {rocm}")
        if _OF_TORCH.fullmatch(name) and held.version != torch:
            what = f"{name} is {held.version}, torch is {torch}"
            yield Finding(BROKEN, what, f"install {name} {torch}")


def _unmet(installed: Installed) -> Iterator[Finding]:
    """What the packages below vLLM ask for themselves, by their own metadata."""
    from packaging.requirements import Requirement

    for name, held in sorted(installed.distributions.items()):
        for text in held.requires if _GPU_STACK.fullmatch(name) else ():
            asked = Requirement(text)
            if asked.marker is None or asked.marker.evaluate({"extra": ""}):
                yield from _unmet_by(held, asked.name, str(asked.specifier), installed)


def _unmet_by(
    holder: Distribution, name: str, specifier: str, installed: Installed
) -> Iterator[Finding]:
    from packaging.specifiers import SpecifierSet

    held = installed.distributions.get(normalised(name))
    if _OF_ROCM.fullmatch(normalised(name)) and held:
        return  # compared with torch already
    if held is None:
        what = f"{holder.name} {holder.version} needs {name}, which is not installed"
        yield Finding(WARNING, what, f"install {name}{specifier}")
    elif not SpecifierSet(specifier).contains(held.version, prereleases=True):
        what = f"{holder.name} {holder.version} needs {name}{specifier}, {held.version} is there"
        yield Finding(WARNING, what, f"install {name}{specifier}")
