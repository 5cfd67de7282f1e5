"""Puts a pure-Python source tree into the prefix of a conda build; used by build.py of recipes.

Not `pip install`: that writes the build folder's path into the package and makes scripts that hold
the prefix. A pure wheel only needs unpacking, and the client makes the scripts from `entry_points`.
"""

import contextlib
import os
import sys
import zipfile
from pathlib import Path

from setuptools import build_meta


def install(source: str) -> None:
    """Build the wheel of the folder `source` offline and unpack it into site-packages.

    Raises SystemExit if the wheel is not pure Python: one noarch package could not hold it.
    """
    wheels = Path("wheels").resolve()
    wheels.mkdir()
    with contextlib.chdir(source):
        wheel = build_meta.build_wheel(str(wheels))
    if not wheel.endswith("-none-any.whl"):
        sys.exit(f"{wheel} is not pure Python")
    with zipfile.ZipFile(wheels / wheel) as archive:
        archive.extractall(os.environ["SP_DIR"])
