"""Builds gfx-kernels: the Python package, the target table and the code objects of one target."""

import os
import shutil
import sys
from pathlib import Path

from into_prefix import install

sources = Path("package/src").resolve()
sys.path.insert(0, str(sources))
from gfx_compile.build import build  # noqa: E402 - it lies in the source just unpacked
from gfx_kernels import targets  # noqa: E402

package = sources / "gfx_kernels"
target = os.environ["GFX_TARGET"]
code = Path("objects", target)
build([target] if target != targets.REFERENCE else [], code.parent)
for file in code.glob("*.hsaco"):
    (package / "code" / target).mkdir(parents=True, exist_ok=True)
    shutil.copy(file, package / "code" / target)
shutil.copytree("variants", package / "variants")
(package / "built_for.txt").write_text(target + "\n", encoding="ascii")
install("package")
