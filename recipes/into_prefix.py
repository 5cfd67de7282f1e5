"""Puts a pure-Python source tree into the prefix of a conda build. Used by the build.py of a recipe.

Not `pip install`: that writes the build folder's path into the package and makes scripts that hold
the prefix. A pure wheel only needs unpacking, and the client makes the scripts from `entry_points`.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path


def install(source: str) -> None:
    """Build the wheel of the folder `source` offline and unpack it into site-packages.

    Raises SystemExit if the wheel is not pure Python: one noarch package could not hold it.
    """
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", "wheels", f"./{source}"], check=True)
    (wheel,) = Path("wheels").glob("*.whl")
    if not wheel.name.endswith("-none-any.whl"):
        sys.exit(f"{wheel.name} is not pure Python")
    site_packages = Path(os.environ["SP_DIR"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site_packages)
