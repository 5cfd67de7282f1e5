"""What each kernel of an object uses, from the object itself and from its listing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from gfx_kernels import codeobject

_BEGIN = re.compile(r"-- Begin function (\S+)")
_OCCUPANCY = re.compile(r"^; Occupancy: (\d+)")
_INSTRUCTION = re.compile(r"^\s+([a-z]\S.*?)\s*; encoding: \[")
_LAST = re.compile(r"^\.Lfunc_end\d+:")


@dataclass(frozen=True)
class Resources:
    """One kernel. Registers are per wave, bytes of scratch per work-item, of LDS per work-group."""

    name: str
    vgprs: int
    sgprs: int
    vgpr_spills: int
    sgpr_spills: int
    scratch: int
    lds: int
    occupancy: int  # waves that fit on one SIMD, as the compiler computes it
    code: tuple[str, ...]  # its instructions

    def figures(self) -> dict[str, Any]:
        """All but the name and the code."""
        return {k: v for k, v in asdict(self).items() if k not in ("name", "code")}


def measure(image: bytes, assembly: str, listing: str) -> list[Resources]:
    """What every kernel of an object uses. Raises CodeObjectError."""
    occupancy, code = _occupancy(assembly), dict(_code(listing))
    return [
        Resources(
            name=k.name,
            vgprs=k.vgprs,
            sgprs=k.sgprs,
            vgpr_spills=k.vgpr_spills,
            sgpr_spills=k.sgpr_spills,
            scratch=k.scratch,
            lds=k.lds,
            occupancy=occupancy[k.name],
            code=code[k.name],
        )
        for k in codeobject.parse(image).kernels.values()
    ]


def _occupancy(assembly: str) -> dict[str, int]:
    """By function, from the comments that the compiler writes behind each one."""
    found, name = {}, ""
    for line in assembly.splitlines():
        if begin := _BEGIN.search(line):
            name = begin[1]
        elif occupancy := _OCCUPANCY.match(line):
            found[name] = int(occupancy[1])
    return found


def _code(listing: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The instructions of each function, by its name."""
    name, code = "", list[str]()
    for line in listing.splitlines():
        if begin := _BEGIN.search(line):
            name, code = begin[1], []
        elif _LAST.match(line):
            yield name, tuple(code)
        elif instruction := _INSTRUCTION.match(line):
            code.append(instruction[1])
