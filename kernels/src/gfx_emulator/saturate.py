"""Integer additions and subtractions with `clamp`: the result stays within its type."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .semantics import DTYPES, Semantic

Array = npt.NDArray[Any]
_NAME = re.compile(r"^v_(add|sub|subrev)_(?:nc_)?([ui](?:16|32))")
_OPERATIONS: dict[str, Callable[[Array, Array], Array]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "subrev": lambda a, b: b - a,
}


def saturating(mnemonic: str, what: Semantic) -> Semantic | None:
    """The same instruction with clamp; None for one that this module does not have."""
    match = _NAME.match(mnemonic)
    if not match:
        return None
    operation, limits = _OPERATIONS[match[1]], np.iinfo(DTYPES[match[2]])

    def clamped(a: Array, b: Array) -> Array:
        exact = operation(a.astype(np.int64), b.astype(np.int64))
        return np.clip(exact, limits.min, limits.max).astype(limits.dtype)

    return what._replace(fn=clamped)
