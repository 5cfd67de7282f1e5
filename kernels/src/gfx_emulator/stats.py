"""What a launch executed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Traffic:
    """Bytes that active lanes moved to and from global memory (not s_load)."""

    loaded: int = 0
    stored: int = 0


@dataclass
class Stats:
    """Counts of one launch. An instruction counts once for every wave that executed it."""

    waves: int = 0
    lanes: int = 0  # of a wave
    instructions: Counter[str] = field(default_factory=Counter)  # by mnemonic
    classes: Counter[str] = field(default_factory=Counter)  # by `class_of`
    bytes_loaded: int = 0
    bytes_stored: int = 0

    @property
    def total(self) -> int:
        return sum(self.instructions.values())


_CLASSES = (
    ("global_", "vmem"), ("flat_", "vmem"), ("buffer_", "vmem"), ("ds_", "lds"),
    ("s_load", "smem"), ("s_buffer_load", "smem"), ("s_wait", "wait"), ("s_delay_alu", "wait"),
    ("s_nop", "wait"), ("s_barrier", "barrier"), ("s_branch", "branch"),
    ("s_cbranch", "branch"), ("v_wmma", "matrix"), ("v_mfma", "matrix"), ("v_", "valu"),
    ("s_", "salu"),
)  # fmt: skip


def class_of(mnemonic: str) -> str:
    """vmem, lds, smem, wait, barrier, branch, matrix, valu, salu."""
    return next((kind for prefix, kind in _CLASSES if mnemonic.startswith(prefix)), "other")
