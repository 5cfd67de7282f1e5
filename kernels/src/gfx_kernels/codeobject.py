"""What an AMD code object holds: machine code, kernels, their arguments and their resources.

Follows LLVM's "User Guide for AMDGPU Backend", sections Code Object and Code Object Metadata.
Standard library only.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gfx_kernels import elf, msgpack

_METADATA = ("AMDGPU", 32)  # owner and type of the note
_ABI_OF_VERSION_3 = 1  # in the ELF header; later versions count on
_DESCRIPTOR_SIZE = 64
_ENTRY_AT = 16  # in the descriptor: from its own address to the first instruction


class CodeObjectError(ValueError):
    """The file is no code object, or a corrupt one."""


@dataclass(frozen=True)
class Arg:
    """One argument: bytes `offset` to `offset + size` of the kernel's argument block."""

    offset: int
    size: int
    kind: str  # .value_kind: "by_value", "global_buffer"; implicit ones start with "hidden_"
    name: str  # empty where the compiler wrote none


@dataclass(frozen=True)
class Kernel:
    """One kernel. Sizes are bytes, of one work-item (scratch) or one work-group (lds)."""

    name: str
    entry: int  # of its first instruction in `CodeObject.text`
    vgprs: int
    sgprs: int
    vgpr_spills: int
    sgpr_spills: int
    scratch: int
    lds: int
    kernarg_size: int
    wave_size: int
    max_threads: int  # of one work-group
    args: tuple[Arg, ...]
    descriptor: bytes  # what the packet processor reads, 64 bytes


@dataclass(frozen=True)
class CodeObject:
    gfx: str
    version: int
    text: bytes
    text_address: int
    kernels: dict[str, Kernel]
    sections: dict[str, tuple[int, bytes]]  # address and bytes of loaded ones that are not code


def read(path: str | Path) -> CodeObject:
    """The code object in the file `path`. Raises CodeObjectError, OSError."""
    return parse(Path(path).read_bytes())


def parse(data: bytes) -> CodeObject:
    """The code object whose file holds `data`. Raises CodeObjectError."""
    try:
        return _parse(elf.parse(data))
    except (ValueError, struct.error) as error:
        raise CodeObjectError(f"corrupt code object: {error}") from None


def _parse(file: elf.Elf) -> CodeObject:
    if file.machine != elf.AMDGPU:
        raise ValueError(f"it is for ELF machine {file.machine}, not for an AMD GPU")
    metadata = _metadata(file)
    text, symbols = file.one(".text"), file.symbols()
    kernels = [_kernel(k, file, text, symbols) for k in _list(metadata, "amdhsa.kernels")]
    return CodeObject(
        gfx=_get(metadata, "amdhsa.target", str).rpartition("--")[2].partition(":")[0],
        version=file.abi_version - _ABI_OF_VERSION_3 + 3,
        text=text.data,
        text_address=text.address,
        kernels={k.name: k for k in kernels},
        sections={s.name: (s.address, s.data) for s in file.sections if _is_constant(s)},
    )


def _is_constant(section: elf.Section) -> bool:
    loaded = section.type == elf.PROGBITS and section.flags & elf.ALLOC
    return bool(loaded and not section.flags & elf.EXECINSTR and section.data)


def _metadata(file: elf.Elf) -> dict[str, Any]:
    found = [data for owner, kind, data in file.notes() if (owner, kind) == _METADATA]
    if len(found) != 1:
        raise ValueError(f"it has {len(found)} notes with metadata, not one")
    metadata = msgpack.decode(found[0])
    if not isinstance(metadata, dict):
        raise ValueError("its metadata is no map")
    return metadata


def _kernel(
    about: dict[str, Any], file: elf.Elf, text: elf.Section, symbols: dict[str, int]
) -> Kernel:
    address, descriptor = _descriptor(file, symbols, _get(about, ".symbol", str))
    entry = address + struct.unpack_from("<q", descriptor, _ENTRY_AT)[0] - text.address
    name = _get(about, ".name", str)
    if not 0 <= entry < len(text.data):
        raise ValueError(f"{name} starts outside of the machine code")
    return Kernel(
        name=name,
        entry=entry,
        vgprs=_get(about, ".vgpr_count", int),
        sgprs=_get(about, ".sgpr_count", int),
        vgpr_spills=_get(about, ".vgpr_spill_count", int),
        sgpr_spills=_get(about, ".sgpr_spill_count", int),
        scratch=_get(about, ".private_segment_fixed_size", int),
        lds=_get(about, ".group_segment_fixed_size", int),
        kernarg_size=_get(about, ".kernarg_segment_size", int),
        wave_size=_get(about, ".wavefront_size", int),
        max_threads=_get(about, ".max_flat_workgroup_size", int),
        args=tuple(map(_arg, _list(about, ".args") if ".args" in about else ())),
        descriptor=descriptor,
    )


def _descriptor(file: elf.Elf, symbols: dict[str, int], symbol: str) -> tuple[int, bytes]:
    """Address and bytes of a kernel's descriptor, which is a constant of the code object."""
    if symbol not in symbols:
        raise ValueError(f"the symbol {symbol} is not there")
    address = symbols[symbol]
    for section in filter(_is_constant, file.sections):
        at = address - section.address
        if 0 <= at <= len(section.data) - _DESCRIPTOR_SIZE:
            return address, section.data[at : at + _DESCRIPTOR_SIZE]
    raise ValueError(f"{symbol} lies in no section")


def _arg(about: dict[str, Any]) -> Arg:
    name = _get(about, ".name", str) if ".name" in about else ""
    kind = _get(about, ".value_kind", str)
    return Arg(_get(about, ".offset", int), _get(about, ".size", int), kind, name)


def _get(about: dict[str, Any], key: str, kind: type) -> Any:
    value = about.get(key)
    if not isinstance(value, kind) or (isinstance(value, int) and value < 0):
        raise ValueError(f"the metadata's {key} is {value!r}")
    return value


def _list(about: dict[str, Any], key: str) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = _get(about, key, list)
    if not all(isinstance(v, dict) for v in values):
        raise ValueError(f"the metadata's {key} holds something else than maps")
    return values
