"""Which packages make an environment: py-rattler's solver over our channel and conda-forge."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from rattler import (
    BuildString,
    GenericVirtualPackage,
    PackageName,
    RepoDataRecord,
    Version,
    VirtualPackage,
    VirtualPackageOverrides,
    solve,
)
from rattler.exceptions import DetectVirtualPackageError, SolverError
from rattler.platform import Subdir

from tools import paths
from tools.errors import ToolError
from tools.variants import REFERENCE

# What a solver assumes of a machine that it does not run on.
ELSEWHERE = {
    "linux-64": {"__unix": "0", "__linux": "4.18", "__glibc": "2.28", "__archspec": "1"},
    "win-64": {"__win": "10.0", "__archspec": "1"},
}


def here() -> str:
    """The platform this runs on, as conda spells it."""
    return str(Subdir.current())


def builds() -> bool:
    """Whether packages are built on this system, on a stand-in for conda-forge: on Linux."""
    return here().startswith("linux")


def conda_forge() -> list[str]:
    """Where packages that are not ours come from: VLLM_GFX_CONDA_FORGE names other channels.

    By itself the stand-in, where packages are built; elsewhere conda-forge.
    """
    named = os.environ.get("VLLM_GFX_CONDA_FORGE", "").split()
    return named or [paths.STANDIN.as_uri() if builds() else "conda-forge"]


def asks_for(target: str | None) -> list[str]:
    """The spec that asks for `target`; none asks for nothing, which gives cpu."""
    return [f"gfx-target * {target}_*"] if target else []


def channels_for(target: str | None) -> list[str]:
    """Where the packages of `target` come from; what two channels have is the first one's.

    Torch and Triton of ours are AMD's, where `build --rocm` made them: not for cpu, nor for none.
    """
    ours, theirs = [paths.CHANNEL.as_uri()], conda_forge()
    return theirs + ours if target in (None, REFERENCE) else ours + theirs


def virtual_packages(platform: str, isa: str | None) -> list[GenericVirtualPackage]:
    """What the solver may assume: this machine, or a plain one for another platform. `isa` adds a
    card as `__amdgpu_arch` spells it. Raises ToolError if CONDA_OVERRIDE_* says what none can be.
    """
    if platform == here():
        try:
            detected = VirtualPackage.detect(VirtualPackageOverrides.from_env())
        except DetectVirtualPackageError as error:
            raise ToolError(f"a CONDA_OVERRIDE_ variable is wrong: {error}") from None
        found = [package.into_generic() for package in detected]
    else:
        found = [_virtual(name, version) for name, version in ELSEWHERE[platform].items()]
    if isa:
        found = [p for p in found if not p.name.normalized.startswith("__amdgpu")]
        found += [_virtual("__amdgpu", "0"), _virtual("__amdgpu_arch", isa)]
    return found


def _virtual(name: str, version: str) -> GenericVirtualPackage:
    return GenericVirtualPackage(PackageName(name), Version(version), BuildString("0"))


def records(
    specs: Sequence[str],
    platform: str | None = None,
    isa: str | None = None,
    channels: Sequence[str] | None = None,
) -> list[RepoDataRecord]:
    """The packages that satisfy `specs`, by name. Raises ToolError if none do, saying why."""
    platform = platform or here()
    sources = list(channels or [paths.CHANNEL.as_uri(), paths.STANDIN.as_uri()])
    coroutine = solve(
        sources=sources,
        specs=list(specs),
        platforms=[platform, "noarch"],  # type: ignore[list-item]
        virtual_packages=virtual_packages(platform, isa),
    )
    try:
        found = asyncio.run(coroutine)
    except SolverError as error:
        raise ToolError(f"no environment satisfies {', '.join(specs)}: {error}") from None
    return sorted(found, key=lambda record: record.name.normalized)
