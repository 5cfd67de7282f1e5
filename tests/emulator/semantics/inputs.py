"""What instructions are fed: the edges of each type, against each other, then random bits."""

from __future__ import annotations

import itertools
import random
from functools import cache

COUNT = 256
EDGES = {
    "f16": [0, 0x8000, 0x3C00, 0xBC00, 0x7C00, 0xFC00, 0x7E00, 0x7D01, 1, 0x83FF, 0x400, 0x7BFF,
            0xFBFF, 0x3555, 0x6400, 0x3C01],
    "f32": [0, 1 << 31, 0x3F800000, 0xBF800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7FA00001, 1,
            0x807FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x4F000000, 0x3EAAAAAB, 0x3F800001],
    "bf16": [0, 0x8000, 0x3F80, 0xBF80, 0x7F80, 0xFF80, 0x7FC0, 0x7FA0, 1, 0x807F, 0x80, 0x7F7F],
    "u16": [0, 1, 2, 15, 16, 0x7FFF, 0x8000, 0xFFFF, 0xFF, 0x100],
    "u32": [0, 1, 2, 7, 8, 31, 32, 33, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF, 0x10000,
            0xFFFFFF, 0x800000, 0x01020304],
    "u64": [0, 1, 63, 1 << 31, 1 << 32, (1 << 32) - 1, 1 << 63, (1 << 63) - 1, (1 << 64) - 1],
    "f64": [0, 1 << 63, 0x3FF << 52, 0xBFF << 52, 0x7FF << 52, 0xFFF << 52, 0x7FF8 << 48,
            0x47EFFFFFE0000000, 0x380FFFFFC0000000, 0x36A0000000000000, 0x3FF0000010000000],
    "bool": [0, 1],
}  # fmt: skip
WIDTHS = {"f16": 16, "bf16": 16, "u16": 16, "f32": 32, "u32": 32, "f64": 64, "u64": 64, "bool": 1}
ONE_BIT = ("mask", "vcc", "scc")
PACKED = {"v2f16": "f16", "v2u16": "u16", "v2bf16": "bf16", "v2f32": "f32"}
# Random exponents rarely meet: half of the random floats are near 1, so that sums round.
_NEAR_ONE = {"f16": (0x3800, 0x800), "f32": (0x3E800000, 0x1800000), "bf16": (0x3E80, 0x180),
             "f64": (0x3FE << 52, 3 << 52)}  # fmt: skip


def width(kind: str) -> int:
    if kind in ONE_BIT:
        return 32
    return 2 * WIDTHS[PACKED[kind]] if kind in PACKED else WIDTHS[kind]


@cache
def tuples(kinds: tuple[str, ...]) -> list[tuple[int, ...]]:
    """COUNT argument tuples, the same for the same kinds in every run."""
    dice = random.Random(" ".join(kinds))
    kinds = tuple("bool" if kind in ONE_BIT else kind for kind in kinds)
    edges = [EDGES.get(PACKED.get(kind, kind), []) for kind in kinds]
    every = list(itertools.islice(itertools.product(*edges), 5000))
    chosen = every if len(every) <= 3 * COUNT // 4 else dice.sample(every, 3 * COUNT // 4)
    rows = [tuple(_wide(k, e, dice) for k, e in zip(kinds, row, strict=True)) for row in chosen]
    while len(rows) < COUNT:
        rows.append(tuple(_any(kind, dice) for kind in kinds))
    return rows


def _wide(kind: str, edge: int, dice: random.Random) -> int:
    """An edge, beside another value where the kind is packed."""
    if kind not in PACKED:
        return edge
    other, bits = _any(PACKED[kind], dice), WIDTHS[PACKED[kind]]
    return edge | other << bits if dice.random() < 0.5 else other | edge << bits


def _any(kind: str, dice: random.Random) -> int:
    if kind in PACKED:
        part = PACKED[kind]
        return _any(part, dice) | _any(part, dice) << WIDTHS[part]
    if kind in _NEAR_ONE and dice.random() < 0.5:
        start, span = _NEAR_ONE[kind]
        return start + dice.randrange(span) | dice.getrandbits(1) << (WIDTHS[kind] - 1)
    if kind.startswith("u") and dice.random() < 0.25:
        return dice.choice(EDGES[kind])
    return dice.getrandbits(WIDTHS[kind])
