"""Arguments of the command line, as all that reads them after us can take them."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

MAX_PATH = 260  # Windows' limit for a path without the prefix, where long paths are not switched on
# `\\?\C:\x` and `\\?\UNC\server\x`, alone or as a flag's value
_VERBATIM = re.compile(
    r"(?P<flag>(--[\w-]+=)?)"
    r"\\\\\?\\(?P<path>([A-Za-z]:|(?P<unc>UNC))\\.*)",
    re.DOTALL,
)


def understood(argv: Sequence[str]) -> list[str]:
    """`argv`; on Windows without the prefix `\\\\?\\`, after which `/` and `..` are no path syntax.

    vLLM and transformers join paths with `/`, so behind it they would find nothing.
    """
    return [_plain(arg) for arg in argv] if sys.platform == "win32" else list(argv)


def _plain(arg: str) -> str:
    found = _VERBATIM.fullmatch(arg)
    if not found:
        return arg
    path = "\\" + found["path"][len("UNC") :] if found["unc"] else found["path"]
    return found["flag"] + path if len(path) < MAX_PATH else arg
