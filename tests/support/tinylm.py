"""Where the tiny model and its quantised copies are: in the installed package, or where
GFX_TESTS_TINYLM says (a folder of theirs, for a machine without the package).
"""

import os
import sys
from pathlib import Path

from tests.support import dequantise as format_definitions

PACKAGE = "vllm-gfx-tinylm"
FOLDER = "GFX_TESTS_TINYLM"
ORIGINAL = "fp"
QUANTISED = (
    "gptq-g128",
    "gptq-g32",
    "gptq-desc-act",
    "gptq-asym",
    "awq-g128",
    "ct-sym-g128",
    "ct-sym-g32",
    "ct-asym-g128",
    "ct-asym-g32",
)


def share(prefix: Path = Path(sys.prefix)) -> Path:
    """Return the package's folder; raise FileNotFoundError when the prefix does not have it."""
    folder = Path(os.environ.get(FOLDER) or prefix / "share" / PACKAGE)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} is not there: run these tests with `dev.py test`, or set {FOLDER}"
        )
    return folder


def copy(name: str) -> Path:
    """Return the checkpoint folder of the original or a quantised copy."""
    folder = share() / name
    if not (folder / "config.json").is_file():
        present = sorted(path.parent.name for path in share().glob("*/config.json"))
        raise FileNotFoundError(f"{PACKAGE} has no copy {name!r}, only {present}")
    return folder


def dequantise(name: str, out: Path) -> Path:
    """Write a quantised copy's weights as a plain fp32 checkpoint to `out` and return it."""
    return format_definitions.write(copy(name), out)
