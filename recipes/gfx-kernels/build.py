"""Builds gfx-kernels: the Python package, the target table and the target it was built for."""

import os
import shutil
from pathlib import Path

from into_prefix import install

package = Path("package/src/gfx_kernels")
shutil.copytree("variants", package / "variants")
(package / "built_for.txt").write_text(os.environ["GFX_TARGET"] + "\n", encoding="ascii")
install("package")
