"""What can go wrong in an emulated launch. Each says where: instruction, wave, lane."""

from __future__ import annotations


class EmulationError(Exception):
    """A launch that a GPU would not have run as meant, or that is not emulated.

    `row` and `lane` are set where an instruction fails: which of its waves, which lane.
    """

    def __init__(self, message: str, row: int = 0, lane: int | None = None) -> None:
        super().__init__(message)
        self.row, self.lane = row, lane
        self.placed = False

    def place(self, pc: int, text: str, wave: str) -> None:
        """Add where it happened; the innermost caller knows best, so only once."""
        if not self.placed:
            lane = "" if self.lane is None else f", lane {self.lane}"
            self.args = (f"{self.args[0]}; at pc {pc:#x} `{text}`, {wave}{lane}",)
            self.placed = True


class ListingMismatch(EmulationError):
    """The listing does not describe the machine code of the code object."""


class UnknownInstruction(EmulationError):
    """No instruction of that name is known."""


class Unsupported(EmulationError):
    """The instruction is known, but this form of it is not emulated."""


class LaunchError(EmulationError):
    """Kernel, grid, block or arguments cannot be launched."""


class OutOfBounds(EmulationError):
    """An access outside of every buffer, or outside of the work-group's LDS."""


class Uninitialised(EmulationError):
    """A register or LDS is read that was never written."""


class LdsRace(EmulationError):
    """Two waves touch the same byte of LDS, one writes, and no barrier is between."""


class BarrierDivergence(EmulationError):
    """Not every wave, or not every lane, of a work-group reaches the same barrier."""
