"""Which versions belong to a release of ROCm: the wheels themselves say it."""

from __future__ import annotations

from packaging.requirements import Requirement

from tools.cache import Progress
from tools.errors import ToolError
from tools.rocm.measure import Release, measured
from tools.standin.wheel import Wheel


def versions_of(release: Release, platform: str, python: str, progress: Progress) -> dict[str, str]:
    """The keys of pins.yaml that a release decides. Raises ToolError if the index lacks one."""
    offered = release.index.versions("torch", release.local)
    if release.torch not in offered:
        raise ToolError(
            f"{release.index.root} has no torch {release.torch}, only"
            f" {', '.join(offered) or 'other releases'}",
            "`torch` in pins.yaml is the one that vLLM needs; choose another ROCm version",
        )
    vision = _vision(release, platform, python, progress)
    triton = _triton(release, python, progress)
    return {"rocm": release.rocm, "torchvision": vision, "triton_amd": triton}


def _vision(release: Release, platform: str, python: str, progress: Progress) -> str:
    """The torchvision that requires our torch; it is a few MB, so it is asked itself."""
    offered = release.index.versions("torchvision", release.local)
    if len(offered) > 1:
        offered = [
            version
            for version in offered
            if _needs(release, f"torchvision-{version}", platform, python, progress).get("torch")
            == release.torch
        ]
    return _public(release, "torchvision", offered)


def _triton(release: Release, python: str, progress: Progress) -> str:
    """The triton that torch for Linux requires, without the part of the ROCm version."""
    offered = release.index.versions("triton", release.local)
    if len(offered) > 1:
        torch = _needs(release, f"torch-{release.torch}", "linux-64", python, progress)
        offered = [torch["triton"]] if "triton" in torch else []
    return _only(release, "triton", offered).removesuffix(f".{release.local}")


def _public(release: Release, project: str, offered: list[str]) -> str:
    return _only(release, project, offered).partition("+")[0]


def _only(release: Release, project: str, offered: list[str]) -> str:
    if not offered:
        raise ToolError(f"{release.index.root} has no {project} for torch {release.torch}")
    return offered[0]


def _needs(
    release: Release, start: str, platform: str, python: str, progress: Progress
) -> dict[str, str]:
    """Exact versions that a host wheel requires, by name; `start` is its name and version."""
    tag = "cp" + python.replace(".", "")
    system = {"linux-64": "linux_x86_64", "win-64": "win_amd64"}[platform]
    name = f"{start}-{tag}-{tag}-{system}.whl"
    file = measured(release, name, progress)
    needs = [Requirement(str(r)) for r in Wheel(file).metadata.requires_dist or []]
    return {r.name: str(r.specifier).removeprefix("==") for r in needs}
