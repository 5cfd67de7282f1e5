"""The wheels that dev.py makes .venv of, for a machine that has neither .venv nor a network."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tools import paths
from tools.errors import ToolError
from tools.standin import pip, platforms, resolve

REQUIREMENTS = paths.ROOT / "tools" / "requirements.txt"


def python_of(platform: str) -> str:
    """The Python they are for: dev.py has to be run with it there."""
    return platforms.get(platform).python


def fetch(platform: str, folder: Path, progress: Callable[[str], None]) -> list[Path]:
    """Download them into `folder`, by name. Raises ToolError if pip cannot get them."""
    progress("wheels of the tools")
    folder.mkdir(parents=True, exist_ok=True)
    target = platforms.get(platform)
    pip.download(lines(platform), folder, target, hashes=False, python=_full(target))
    return sorted(folder.glob("*.whl"))


def lines(platform: str) -> list[str]:
    """tools/requirements.txt as `platform` reads it: with what only that one needs, and pinned."""
    target = platforms.get(platform)
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", str(REQUIREMENTS)]
    command += ["--only-binary=:all:", "--no-header", "--no-annotate"]
    command += ["--index-strategy=unsafe-best-match"]  # as pip does
    command += [f"--python-version={_full(target)}", f"--python-platform={target.uv_platform}"]
    done = subprocess.run(command, capture_output=True, text=True, env=resolve.environment())
    if done.returncode:
        raise ToolError(
            f"uv cannot resolve tools/requirements.txt: {' '.join(done.stderr.split())}"
        )
    return [line for line in done.stdout.splitlines() if "==" in line]


def _full(target: platforms.Platform) -> str:
    """A version with its last part: some distributions ask for a recent patch release."""
    return f"{target.python}.{sys.version_info.micro}"
