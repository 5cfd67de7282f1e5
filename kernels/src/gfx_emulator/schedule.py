"""Run the waves of a batch of work-groups, those at one instruction together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .control import End, Split, Wait
from .errors import BarrierDivergence, EmulationError
from .machine import Machine
from .state import Waves

Array = npt.NDArray[Any]
Execute = Callable[[Waves], None]
_LIMIT = 20_000_000  # instructions of a batch, after which a loop is taken for endless


class Batch:
    """`code` and `where` (pc and text) go by an instruction's number, `name` by a wave's."""

    def __init__(
        self, waves: Waves, code: Sequence[Execute], machine: Machine,
        where: Callable[[int], tuple[int, str]], name: Callable[[int], str],
    ) -> None:  # fmt: skip
        self.running, self.waiting = [waves], list[Waves]()
        self.code, self.machine, self.where, self.name = code, machine, where, name
        self.counts = np.zeros(len(code), np.int64)
        self.ended = np.zeros(len(waves.ids), np.bool_)
        self.steps = 0

    def run(self) -> None:
        """Raises EmulationError, which then says where."""
        with np.errstate(all="ignore"):
            while self.running or self.waiting:
                if not self.running:
                    self._release()
                self._merge()
                waves = self.running.pop(0)
                limit = self.running[0].pc if self.running else len(self.code)
                self._advance(waves, limit)

    def _merge(self) -> None:
        """Sort by place, and join those at the same one."""
        self.running.sort(key=lambda w: w.pc)
        joined = self.running[:1]
        for waves in self.running[1:]:
            if waves.pc == joined[-1].pc:
                joined[-1] = joined[-1].join(waves)
            else:
                joined.append(waves)
        self.running = joined

    def _advance(self, waves: Waves, limit: int) -> None:
        """Execute until the waves reach others, part, wait or end."""
        code, counts = self.code, self.counts
        try:
            while waves.pc < limit:
                counts[waves.pc] += waves.n
                code[waves.pc](waves)
                waves.pc += 1
                self.steps += 1
                if self.steps > _LIMIT:
                    raise EmulationError(f"no end after {_LIMIT} instructions")
            self.running.append(waves)
        except Split as split:
            taken, others = waves.take(split.taken), waves.take(~split.taken)
            taken.pc, others.pc = split.target, waves.pc + 1
            self.running += [taken, others]
        except Wait:
            waves.pc += 1
            self.waiting.append(waves)
        except End:
            self.ended[waves.ids] = True
        except EmulationError as error:
            error.place(*self.where(waves.pc), self.name(int(waves.ids[error.row])))
            raise

    def _release(self) -> None:
        """Every wave waits or has ended: go on, if work-groups wait as a whole."""
        place = np.full(len(self.ended), -1)
        for waves in self.waiting:
            place[waves.ids] = waves.pc
        mates = place.reshape(-1, int(self.machine.wave.max()) + 1)  # waves of a work-group
        strays = mates != mates.max(axis=1, keepdims=True)
        if strays.any():
            self._diverged(mates, int(np.argmax(strays.any(axis=1))))
        self.machine.lds.barrier()
        self.running, self.waiting = self.waiting, []

    def _diverged(self, mates: Array, group: int) -> None:
        own = mates[group]
        wave = int(np.argmax(own))
        gone = "has ended" if (own < 0).any() else "waits at another barrier"
        error = BarrierDivergence(f"another wave of the work-group {gone}")
        error.place(*self.where(int(own[wave]) - 1), self.name(group * len(own) + wave))
        raise error
