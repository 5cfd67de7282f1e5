"""Where things lie: beside this package, in a checkout as in the recipe's build folder."""

from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1]
KERNELS = SOURCES.parent
OPS = SOURCES / "gfx_kernels"
INCLUDE = OPS / "include"
TOOLCHAIN = KERNELS / "toolchain.yaml"
GOLDEN = KERNELS / "golden.yaml"
TABLE = KERNELS / "RESOURCES.md"
OUT = KERNELS.parent / "build" / "kernels"
