"""Resolving with uv: what pip would choose on a platform, asked from any machine."""

import os
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

from tools.errors import ToolError
from tools.standin import pip, requirements
from tools.standin.platforms import Platform

# What uv reads from the environment of the settings pip was given.
UV_NAMES = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "cert": "SSL_CERT_FILE"}


def resolve(platform: Platform, common: str, folder: Path) -> dict[str, Requirement]:
    """`name[extras]==version` by name, for the closure of all we ask for on `platform`.

    `common` is the text of vLLM's requirements, `folder` is for scratch files. Raises ToolError if
    nothing satisfies all of them with wheels only, or if torch would be a CUDA build.
    """
    roots, limits = folder / "roots.txt", folder / "limits.txt"
    roots.write_text("".join(f"{r}\n" for r in requirements.roots(platform, common)))
    limits.write_text("".join(f"{r}\n" for r in requirements.extra(platform)[1]))
    links = [
        _fetch_torch(platform, folder / "torch"),
        *pip.settings().get("find-links", "").split(),
    ]
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", str(roots)]
    command += [f"--constraint={limits}", "--only-binary=:all:", "--no-header", "--no-annotate"]
    command += [f"--python-version={platform.python}", f"--python-platform={platform.uv_platform}"]
    command += [f"--find-links={place}" for place in links]
    command += ["--no-strip-extras", "--index-strategy=unsafe-best-match"]  # the latter as pip does
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    if done.returncode:
        raise ToolError(
            f"uv cannot resolve {platform.name}: {' '.join(done.stderr.split())}",
            "every distribution needs a wheel and a version that suits all; see extra.yaml",
        )
    return _merged(done.stdout)


def _fetch_torch(platform: Platform, folder: Path) -> Path:
    """A folder with torch's CPU build: pip finds it where uv, which reads no pip.conf, may not."""
    ours, _ = requirements.extra(platform)
    torch = next(requirement for requirement in ours if requirement.name == "torch")
    folder.mkdir()
    pip.download([str(torch)], folder, platform, hashes=False)
    return folder


def environment() -> dict[str, str]:
    """uv with the package index, mirrors and certificates that pip was given."""
    given = pip.settings()
    ours = {uv: given[name] for name, uv in UV_NAMES.items() if name in given}
    if given.get("no-index") in ("1", "true", "yes"):
        ours["UV_OFFLINE"] = "1"
    return {**os.environ, **ours, "UV_NO_PROGRESS": "1"}


def _merged(text: str) -> dict[str, Requirement]:
    """uv's lines by name; it writes one for the bare distribution beside one with extras."""
    chosen: dict[str, Requirement] = {}
    for line in text.splitlines():
        if "==" in line:
            requirement = Requirement(line)
            same = chosen.setdefault(requirement.name, requirement)
            same.extras |= requirement.extras
    if found := [name for name in chosen if name.startswith("nvidia-")]:
        raise ToolError(
            f"the torch that pip offers is a CUDA build: it pulls {found[0]}",
            "give pip PyTorch's CPU wheel index (PIP_EXTRA_INDEX_URL) or a folder with that"
            " wheel (PIP_FIND_LINKS)",
        )
    return chosen
