"""Puts a wheel into the prefix of a conda build, byte for byte; used by recipes that repack one.

Standard library and PyYAML: it runs in the build environment of `rattler-build` and `conda build`.
No pip: that would look at the wheel with the eyes of this machine, and a wheel for Windows is
packed on Linux.
"""

import os
import sys
from pathlib import Path

from .commands import same_commands
from .licences import collect_from_wheel
from .opened import OpenedWheel, WheelError
from .pinned import is_pinned
from .unpack import Layout, unpack

__all__ = ["Layout", "OpenedWheel", "WheelError", "is_pinned", "main", "unpack"]


def main() -> None:
    """Verify and unpack $WHEEL of the working folder; SystemExit with one line if it is bad."""
    name = os.environ["WHEEL"]
    layout = Layout(Path(os.environ["PREFIX"]), os.environ["SITE_PACKAGES"], os.environ["SCRIPTS"])
    try:
        is_pinned(Path(name), Path("rocm.yaml"))
        with OpenedWheel(Path(name)) as wheel:
            same_commands(wheel, Path(os.environ["RECIPE_DIR"]) / "recipe.yaml", layout.windows)
            unpack(wheel, layout)
            collect_from_wheel(wheel, Path("licences"))
    except WheelError as error:
        sys.exit(f"ERROR: {error}")
