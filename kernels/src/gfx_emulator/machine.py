"""What the instructions of a program act on besides registers; set anew for every launch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .lds import Lds
from .memory import Memory
from .stats import Traffic

Array = npt.NDArray[Any]


def _none() -> Array:
    return np.zeros(0, np.intp)


@dataclass
class Machine:
    """`group` and `wave`: to which work-group of the batch, and which wave of it, a wave belongs;
    `at_launch`: exec of every wave when it started; `text_base`: the address of .text."""

    memory: Memory = field(default_factory=Memory)
    traffic: Traffic = field(default_factory=Traffic)
    lds: Lds = field(default_factory=lambda: Lds(0, 0, 0))
    group: Array = field(default_factory=_none)
    wave: Array = field(default_factory=_none)
    at_launch: Array = field(default_factory=_none)
    text_base: int = 0
