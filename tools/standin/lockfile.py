"""The lock: one wheel, by digest, for every distribution in the closure of what we ask for.

`tools/standin/lock/<platform>.txt` is what pip takes as a requirements file with hashes. It names
no package index: whichever pip is configured with must have these very files.
"""

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename

from tools import cache
from tools.cache import Progress
from tools.errors import ToolError
from tools.standin import pip, requirements
from tools.standin.pip import Pin
from tools.standin.platforms import Platform
from tools.standin.resolve import resolve

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
    """Resolve, download what was chosen into the cache, and write the lock of `platform`.

    `common` is the text of vLLM's requirements. Raises ToolError if they cannot be resolved to
    wheels; the lock that was there then stays.
    """
    with cache.locked(progress), cache.scratch() as folder:
        progress("resolving with uv")
        chosen = resolve(platform, common, folder)
        progress(f"downloading {len(chosen)} wheels")
        wheels = folder / "wheels"
        wheels.mkdir()
        pip.download([str(requirement) for requirement in chosen.values()], wheels, platform, False)
        pins = [_into_cache(wheel, chosen) for wheel in wheels.iterdir()]
    text = HEADER.format(digest=requirements.digest(platform, common))
    text += "".join(f"{pin.line()}\n" for pin in sorted(pins, key=lambda pin: pin.name))
    path(platform).write_text(text, encoding="utf-8", newline="\n")
    return pins


def _into_cache(wheel: Path, chosen: dict[str, Requirement]) -> Pin:
    name, version, _, _ = parse_wheel_filename(wheel.name)
    extras = tuple(sorted(chosen[name].extras))
    pin = Pin(str(name), str(version), cache.sha256_of(wheel), extras)
    cache.add(wheel, pin.sha256)
    return pin


def _pin(line: str, platform: Platform) -> Pin:
    found = re.fullmatch(LINE, line)
    if not found:
        raise ToolError(f"{path(platform).name}: bad line {line!r}", "run `python dev.py lock`")
    extras = tuple(found["extras"].split(",")) if found["extras"] else ()
    return Pin(found["name"], found["version"], found["sha256"], extras)
