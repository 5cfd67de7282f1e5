"""Is this the very file that was pinned?"""

import hashlib
from pathlib import Path

import yaml

from .opened import WheelError


def is_pinned(file: Path, pins: Path) -> None:
    """Raise WheelError unless `file` has the size and sha256 that `pins` names for it."""
    pin = yaml.safe_load(pins.read_text(encoding="utf-8"))["wheels"].get(file.name)
    if not pin or not pin["sha256"]:
        raise WheelError(f"{file.name} has no sha256 in {pins.name}; run `python dev.py pin rocm`")
    size = file.stat().st_size
    if pin["size"] and pin["size"] > size:
        raise WheelError(f"{file.name} is truncated: {size} of {pin['size']} bytes")
    with file.open("rb") as opened:
        actual = hashlib.file_digest(opened, "sha256").hexdigest()
    if actual != pin["sha256"]:
        raise WheelError(f"{file.name} has sha256 {actual}, {pins.name} says {pin['sha256']}")
