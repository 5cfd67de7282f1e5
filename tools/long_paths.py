"""Windows opens paths of up to 259 characters; an administrator can let it open longer ones.

Packages are unpacked there whatever their length, and then Python cannot open what it should run.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools import paths
from tools.errors import ToolError
from tools.trust import verify

LIMIT = 259
VERBATIM = "\\\\?\\"  # before a path: of any length
_SHARE = "\\\\"  # before a server: \\server\share


def check(where: Path) -> None:
    """Raise ToolError if the deepest file of the prefix `where` is too deep for this Windows."""
    if os.name != "nt":
        return
    deepest = where / max((entry.path for entry in verify.entries(where)), key=len)
    too_long = len(str(deepest)) - LIMIT
    if too_long > 0 and not deepest.is_file():
        raise ToolError(
            f"Windows cannot open {paths.shown(deepest)}: its path has {LIMIT + too_long}"
            f" characters, {LIMIT} are allowed",
            f"move this checkout to a folder whose path is {too_long} characters shorter",
        )


def verbatim(path: str) -> str:
    """`path`, an absolute one of Windows, as it may have any length."""
    if path.startswith(VERBATIM):
        return path
    return f"{VERBATIM}UNC{path[1:]}" if path.startswith(_SHARE) else f"{VERBATIM}{path}"


def remove(folder: Path) -> None:
    """Remove `folder` and what is too deep in it; what a program still uses stays."""
    every = verbatim(str(folder.absolute())) if os.name == "nt" else folder
    shutil.rmtree(every, ignore_errors=True)
