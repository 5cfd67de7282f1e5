"""Branches, barriers, the end of a program, and what only matters to timing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import BarrierDivergence, EmulationError
from .listing import Instruction
from .machine import Machine
from .operands import parse, split
from .salu import put, read64
from .state import EXEC, VCC, Waves

Array = npt.NDArray[Any]
Execute = Callable[[Waves], None]
Condition = Callable[[Waves], Array]

# Waits, hints and messages: everything is done when an instruction ends.
_NOTHING = frozenset((
    "s_nop", "s_waitcnt", "s_waitcnt_depctr", "s_waitcnt_vscnt", "s_waitcnt_vmcnt",
    "s_waitcnt_lgkmcnt", "s_waitcnt_expcnt", "s_delay_alu", "s_clause", "s_setprio", "s_sleep",
    "s_inst_prefetch", "s_set_inst_prefetch_distance", "s_sendmsg", "s_wait_alu",
    "s_wait_dscnt", "s_wait_kmcnt", "s_wait_loadcnt", "s_wait_storecnt", "s_wait_loadcnt_dscnt",
    "s_wait_storecnt_dscnt", "s_wait_bvhcnt", "s_wait_samplecnt", "s_wait_expcnt", "s_wait_idle",
    "s_dcache_inv", "s_icache_inv", "s_dcache_wb", "s_prefetch_inst", "s_prefetch_inst_pc_rel",
    "s_prefetch_data", "s_ttracedata", "v_nop", "s_wakeup",
    "buffer_gl0_inv", "buffer_gl1_inv", "buffer_wbl2", "buffer_inv", "buffer_wbinvl1",
    "buffer_wbinvl1_vol", "global_inv", "global_wb", "global_wbinv",
))  # fmt: skip


class Split(Exception):
    """The waves go on at two places: those of `taken` at `target`, the others behind."""

    def __init__(self, taken: Array, target: int) -> None:
        self.taken, self.target = taken, target


class Wait(Exception):
    """The waves wait at a barrier."""


class End(Exception):
    """The waves have ended."""


def _vcc(w: Waves) -> Array:
    return np.asarray(w.mask(VCC).any(axis=1))


def _exec(w: Waves) -> Array:
    return np.asarray(w.mask(EXEC).any(axis=1))


_CONDITIONS: dict[str, Condition] = {
    "s_cbranch_scc0": lambda w: ~w.scc,
    "s_cbranch_scc1": lambda w: w.scc,
    "s_cbranch_vccz": lambda w: ~_vcc(w),
    "s_cbranch_vccnz": _vcc,
    "s_cbranch_execz": lambda w: ~_exec(w),
    "s_cbranch_execnz": _exec,
}


def build(
    instruction: Instruction, place: Callable[[int], int], machine: Machine
) -> Execute | None:
    """None for something else. `place` turns bytes of .text into an instruction's number."""
    name = instruction.mnemonic
    if name in _NOTHING:
        return lambda w: None
    if name == "s_endpgm":
        return _end
    if name == "s_code_end":
        return _past_the_end
    if name == "s_branch" and instruction.target is not None:
        return _jump(place(instruction.target))
    if name in _CONDITIONS and instruction.target is not None:
        return _branch(_CONDITIONS[name], place(instruction.target))
    if name in ("s_barrier", "s_barrier_signal", "s_barrier_wait"):
        return _barrier(name, machine)
    if name in ("s_getpc_b64", "s_setpc_b64", "s_swappc_b64"):
        return _program_counter(instruction, place, machine)
    return None


def _end(w: Waves) -> None:
    raise End


def _past_the_end(w: Waves) -> None:
    raise EmulationError("the waves ran past the end of the program")


def _jump(target: int) -> Execute:
    def execute(w: Waves) -> None:
        w.pc = target - 1

    return execute


def _branch(condition: Condition, target: int) -> Execute:
    def execute(w: Waves) -> None:
        taken = condition(w)
        if taken.all():
            w.pc = target - 1
        elif taken.any():
            raise Split(taken, target)

    return execute


def _barrier(name: str, machine: Machine) -> Execute:
    def execute(w: Waves) -> None:
        missing = machine.at_launch[w.ids] & ~w.lanes_on()
        if missing.any():
            row, lane = np.argwhere(missing)[0]
            raise BarrierDivergence("not every lane reaches this barrier", int(row), int(lane))
        if name == "s_barrier_signal":
            w.signalled = np.ones(w.n, np.bool_)
            return
        if name == "s_barrier_wait" and not w.signalled.all():
            raise BarrierDivergence("a barrier's wait without its signal")
        w.signalled = np.zeros(w.n, np.bool_)
        raise Wait

    return execute


def _program_counter(
    instruction: Instruction, place: Callable[[int], int], machine: Machine
) -> Execute:
    operands = [parse(o).index for o in split(instruction.operands)[0]]

    def execute(w: Waves) -> None:
        target = None
        if instruction.mnemonic != "s_getpc_b64":
            targets = np.unique(read64(w, operands[-1]))
            if len(targets) != 1:
                raise EmulationError("waves jump to several addresses at once")
            target = place(int(targets[0]) - machine.text_base)
        if instruction.mnemonic != "s_setpc_b64":
            after = machine.text_base + instruction.pc + instruction.size
            put(w, operands[0], np.full(w.n, after, np.uint64))
        if target is not None:
            w.pc = target - 1

    return execute
