"""The lock: one wheel, by digest, for every distribution in the closure of what we ask for.

`tools/standin/lock/<platform>.txt` is what pip takes as a requirements file with hashes. It names
no package index: whichever pip is configured with must have these very files.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from tools import cache
from tools.cache import Progress
from tools.errors import ToolError
from tools.standin import pip, requirements
from tools.standin.pip import Pin
from tools.standin.platforms import Platform

FOLDER = Path(__file__).with_name("lock")
LINE = (
    r"(?P<name>[a-z0-9-]+)(\[(?P<extras>[a-z0-9,-]+)\])?==(?P<version>\S+)"
    r" --hash=sha256:(?P<sha256>[0-9a-f]{64})"
)
HEADER = """\
# Written by `python dev.py lock`: the wheels the stand-in for conda-forge is made from.
# inputs sha256:{digest}
"""


def path(platform: Platform) -> Path:
    """The committed lock file of `platform`."""
    return FOLDER / f"{platform.name}.txt"


def read(platform: Platform) -> list[Pin]:
    """The pins of a committed lock; raises ToolError if it is absent or not what we wrote."""
    if not path(platform).is_file():
        raise ToolError(f"no lock file {path(platform).name}", "run `python dev.py lock`")
    lines = path(platform).read_text(encoding="utf-8").splitlines()
    return [_pin(line, platform) for line in lines if line and not line.startswith("#")]


def inputs_digest(platform: Platform) -> str:
    """The digest of the inputs that the committed lock was made from."""
    text = path(platform).read_text(encoding="utf-8")
    found = re.search(r"^# inputs sha256:([0-9a-f]{64})$", text, re.MULTILINE)
    return found[1] if found else ""


def write(platform: Platform, common: str, progress: Progress) -> list[Pin]:
    """Resolve, download what was chosen, and write the lock of `platform`."""
    with cache.locked(progress), cache.scratch() as folder:
        torch = _fetch_torch(platform, folder)
        progress("resolving with uv")
        chosen = _resolve(platform, common, torch.parent, folder)
        progress(f"downloading {len(chosen)} wheels")
        wheels = folder / "wheels"
        wheels.mkdir()
        pip.download(chosen, wheels, platform, hashes=False)
        extras = _extras(chosen)
        pins = [_into_cache(wheel, extras) for wheel in sorted(wheels.iterdir())]
    _refuse_gpu_builds(pins)
    text = HEADER.format(digest=requirements.digest(platform, common))
    text += "".join(f"{pin.line()}\n" for pin in sorted(pins, key=lambda pin: pin.name))
    path(platform).write_text(text, encoding="utf-8", newline="\n")
    return pins


def _fetch_torch(platform: Platform, folder: Path) -> Path:
    """uv reads no pip configuration, so pip finds torch's CPU build and hands it over."""
    ours, _ = requirements.extra(platform)
    torch = next(requirement for requirement in ours if requirement.name == "torch")
    target = folder / "torch"
    target.mkdir()
    pip.download([str(torch)], target, platform, hashes=False)
    return next(target.iterdir())


def _resolve(platform: Platform, common: str, links: Path, folder: Path) -> list[str]:
    """`name==version` of the whole closure for `platform`, whatever machine this is."""
    roots, limits = folder / "roots.txt", folder / "limits.txt"
    roots.write_text("".join(f"{r}\n" for r in requirements.roots(platform, common)))
    limits.write_text("".join(f"{r}\n" for r in requirements.extra(platform)[1]))
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", str(roots)]
    command += [f"--constraint={limits}", f"--find-links={links}", "--only-binary=:all:"]
    command += [f"--python-version={platform.python}", f"--python-platform={platform.uv_platform}"]
    command += [
        "--no-header",
        "--no-annotate",
        "--no-strip-extras",
        "--index-strategy=unsafe-best-match",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=_uv_environment())
    if done.returncode:
        raise ToolError(f"uv cannot resolve {platform.name}: {done.stderr.strip()[-1000:]}")
    return [line for line in done.stdout.splitlines() if "==" in line]


def _uv_environment() -> dict[str, str]:
    """uv with the package index, mirrors and certificates that pip was given."""
    ours = pip.settings()
    names = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "cert": "SSL_CERT_FILE",
    }
    given = {theirs: ours[name] for name, theirs in names.items() if name in ours}
    return {**os.environ, **given, "UV_NO_PROGRESS": "1"}


def _extras(chosen: list[str]) -> dict[str, tuple[str, ...]]:
    """Extras by name; uv writes a line for the bare distribution beside one with extras."""
    asked: dict[str, set[str]] = {}
    for requirement in map(Requirement, chosen):
        asked.setdefault(requirement.name, set()).update(requirement.extras)
    return {name: tuple(sorted(extras)) for name, extras in asked.items()}


def _into_cache(wheel: Path, extras: dict[str, tuple[str, ...]]) -> Pin:
    name, version, _, _ = parse_wheel_filename(wheel.name)
    pin = Pin(str(name), str(version), cache.sha256_of(wheel), extras[name])
    cache.add(wheel, pin.sha256)
    return pin


def _refuse_gpu_builds(pins: list[Pin]) -> None:
    if found := [pin.name for pin in pins if pin.name.startswith("nvidia-")]:
        raise ToolError(
            f"the torch that pip offers is a CUDA build: it pulls {found[0]}",
            "give pip PyTorch's CPU wheel index (PIP_EXTRA_INDEX_URL) or a folder with that"
            " wheel (PIP_FIND_LINKS)",
        )


def _pin(line: str, platform: Platform) -> Pin:
    found = re.fullmatch(LINE, line)
    if not found:
        raise ToolError(f"{path(platform).name}: bad line {line!r}", "run `python dev.py lock`")
    extras = tuple(found["extras"].split(",")) if found["extras"] else ()
    return Pin(found["name"], found["version"], found["sha256"], extras)
