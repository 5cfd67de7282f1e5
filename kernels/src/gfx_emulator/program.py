"""A code object and its listing, ready to be launched."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gfx_kernels import codeobject
from gfx_kernels.codeobject import CodeObject, Kernel

from . import control, crosslane, descriptor, dslds, hidden, salu, smem, valu, vmem
from .errors import EmulationError, LaunchError, UnknownInstruction
from .lds import Lds
from .listing import Instruction, decode
from .machine import Machine
from .memory import Memory
from .schedule import Batch
from .state import EXEC, Waves
from .stats import Stats, Traffic, class_of

Array = npt.NDArray[Any]
Three = tuple[int, int, int]
Execute = Callable[[Waves], None]

_LINE = 64  # bytes; the compiler may load the rest of a line with the arguments
_LANES_AT_ONCE = 32768  # of a batch: NumPy's cost per call is small, the arrays fit a cache


def load(hsaco: str | Path, listing: str | Path) -> Program:
    """Raises CodeObjectError, ListingMismatch, UnknownInstruction, Unsupported, OSError."""
    return Program(codeobject.read(hsaco), Path(listing).read_text())


class Program:
    """Raises ListingMismatch unless `listing` is that of `code`; UnknownInstruction, Unsupported.

    One launch at a time: the instructions share one Machine.
    """

    def __init__(self, code: CodeObject, listing: str) -> None:
        self.code = code
        self.instructions = decode(listing, code.text)
        self._number = {i.pc: n for n, i in enumerate(self.instructions)}
        self.machine = Machine()
        self.built = [self._build(i) for i in self.instructions]

    def launch(
        self, kernel: str, grid: Three, block: Three, kernarg: bytes, memory: Memory,
        dynamic_lds: int = 0, seed: int = 0,
    ) -> Stats:  # fmt: skip
        """Run `grid` work-groups of `block` threads; `seed` chooses the junk in what is undefined.

        Raises EmulationError.
        """
        about = self._kernel(kernel, grid, block)
        run = _Run(self, about, grid, block, memory, dynamic_lds + about.lds, seed)
        return run.all(hidden.complete(about, kernarg, grid, block, dynamic_lds))

    def _kernel(self, name: str, grid: Three, block: Three) -> Kernel:
        if name not in self.code.kernels:
            raise LaunchError(f"no kernel {name}; there are {', '.join(sorted(self.code.kernels))}")
        about = self.code.kernels[name]
        if min(*grid, *block) < 1:
            raise LaunchError(f"grid {grid} and block {block} must be positive")
        if np.prod(block) > about.max_threads:
            raise LaunchError(f"{name} takes up to {about.max_threads} threads, not {block}")
        return about

    def where(self, number: int) -> tuple[int, str]:
        instruction = self.instructions[min(number, len(self.instructions) - 1)]
        return instruction.pc, instruction.text

    def place(self, pc: int) -> int:
        """The number of the instruction at byte `pc` of .text."""
        if pc not in self._number:
            raise EmulationError(f"a jump to {pc:#x}, where no instruction starts")
        return self._number[pc]

    def _build(self, instruction: Instruction) -> Execute:
        try:
            return _build(self, instruction)
        except EmulationError as error:
            error.place(instruction.pc, instruction.text, self.code.gfx)
            raise


class _Run:
    """One launch: its memory, and the code with that memory bound."""

    def __init__(
        self, program: Program, kernel: Kernel, grid: Three, block: Three, memory: Memory,
        lds: int, seed: int,
    ) -> None:  # fmt: skip
        self.program, self.kernel, self.grid, self.block = program, kernel, grid, block
        self.seed, self.lds_size = seed, lds
        self.setup = descriptor.setup(kernel)
        self.machine = program.machine
        self.machine.traffic = Traffic()
        self.memory = self.machine.memory = Memory()
        self.memory.buffers = list(memory.buffers)
        self.machine.text_base = self._image()
        threads = block[0] * block[1] * block[2]
        self.per_group = -(-threads // self.setup.lanes)

    def _image(self) -> int:
        """Map the code object's constants and code, as far apart as they were linked."""
        code = self.program.code
        parts = [(code.text_address, code.text), *code.sections.values()]
        image = bytearray(max(address + len(data) for address, data in parts))
        for address, data in parts:
            image[address : address + len(data)] = data
        raw = np.frombuffer(bytes(image), np.uint8)
        return self.memory.alloc(raw, "the code object", writable=False) + code.text_address

    def all(self, kernarg: bytes) -> Stats:
        padded = kernarg.ljust(-(-len(kernarg) // _LINE) * _LINE or _LINE, b"\0")
        address = self.memory.alloc(np.frombuffer(padded, np.uint8), "kernarg", False)
        total = self.grid[0] * self.grid[1] * self.grid[2]
        step = max(1, _LANES_AT_ONCE // (self.per_group * self.setup.lanes))
        counts = np.zeros(len(self.program.instructions), np.int64)
        for first in range(0, total, step):
            counts += self._batch(first, min(step, total - first), (address, kernarg))
        return self._stats(counts, total)

    def _batch(self, first: int, groups: int, kernarg: tuple[int, bytes]) -> Array:
        """Run `groups` work-groups from the flat number `first` on; counts per instruction."""
        lanes, block = self.setup.lanes, self.block
        waves = Waves(np.arange(groups * self.per_group), lanes, self.seed)
        group, wave = np.divmod(waves.ids, self.per_group)
        flat = first + group
        x, y = flat % self.grid[0], flat // self.grid[0] % self.grid[1]
        ids = np.stack([x, y, flat // (self.grid[0] * self.grid[1])], -1)
        item = wave[:, None] * lanes + np.arange(lanes)
        gfx = self.program.code.gfx
        descriptor.fill(waves, gfx, self.setup, kernarg, ids)
        descriptor.fill_items(waves, gfx, self.setup, block, item)
        waves.pc = self.program.place(self.kernel.entry)
        machine = self.machine
        machine.at_launch, machine.group, machine.wave = waves.mask(EXEC), group, wave
        machine.lds = Lds(groups, self.lds_size, self.seed)
        name = partial(self._name, ids, wave)
        batch = Batch(waves, self.program.built, machine, self.program.where, name)
        batch.run()
        return batch.counts

    def _name(self, ids: Array, wave: Array, n: int) -> str:
        return f"work-group {tuple(map(int, ids[n]))}, wave {int(wave[n])}"

    def _stats(self, counts: Array, groups: int) -> Stats:
        stats = Stats(waves=groups * self.per_group, lanes=self.setup.lanes)
        for n in np.flatnonzero(counts):
            name = self.program.instructions[n].mnemonic
            stats.instructions[name] += int(counts[n])
            stats.classes[class_of(name)] += int(counts[n])
        traffic = self.machine.traffic
        stats.bytes_loaded, stats.bytes_stored = traffic.loaded, traffic.stored
        return stats


def _build(program: Program, i: Instruction) -> Execute:
    machine = program.machine
    built = (
        control.build(i, program.place, machine)
        or vmem.build(i.mnemonic, i.operands, machine)
        or smem.build(i.mnemonic, i.operands, machine)
        or dslds.build(i.mnemonic, i.operands, machine)
        or crosslane.build(i.mnemonic, i.operands)
        or salu.saveexec(i.mnemonic, i.operands)
    )
    if built:
        return built
    if i.mnemonic.startswith("v_"):
        return valu.build(i.mnemonic, i.operands, program.code.gfx.startswith("gfx9"))
    if i.mnemonic.startswith("s_"):
        return salu.build(i.mnemonic, i.operands, i.literal)
    raise UnknownInstruction(f"unknown instruction {i.mnemonic}")
