"""How the numbers of a launch lie in memory: sizes, stream, then the kernel's arguments."""

from __future__ import annotations

import struct
from itertools import accumulate

# letter of a signature -> format of `struct`, and its name
LETTERS = {"p": "P", "i": "i", "u": "I", "l": "q", "f": "f"}
NAMES = {"p": "pointer", "i": "int32", "u": "uint32", "l": "int64", "f": "float32"}
# CUlaunchConfig: grid, block, dynamic LDS, stream, attributes, their number. HIP reads its parts.
CONFIG = "@7IPPI"
STREAM = struct.calcsize("@7I0P")


def sizes(signature: str) -> list[int]:
    """Bytes of each argument."""
    return [struct.calcsize(LETTERS[letter]) for letter in signature]


def layout(signature: str) -> tuple[struct.Struct, list[int]]:
    """What packs the numbers of a launch, and where in it each argument lies."""
    texts = list(accumulate((LETTERS[letter] for letter in signature), initial=CONFIG))
    ends = [struct.calcsize(text) for text in texts[1:]]
    offsets = [end - size for end, size in zip(ends, sizes(signature), strict=True)]
    return struct.Struct(texts[-1]), offsets
