"""The reader of code objects: what it finds, and that nothing corrupt gets past it."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from gfx_kernels import codeobject, msgpack
from gfx_kernels.codeobject import CodeObject, CodeObjectError

from tests.compile.conftest import Tree

SEED = 7


@pytest.fixture
def data(tree: Tree) -> bytes:
    tree.build()
    return tree.object().read_bytes()


def test_a_kernel(data: bytes) -> None:
    found = codeobject.parse(data)
    kernel = found.kernels["toy_copy"]
    assert [(a.offset, a.size, a.kind) for a in kernel.args[:2]] == [
        (0, 8, "global_buffer"),
        (8, 8, "global_buffer"),
    ]
    assert (kernel.kernarg_size, kernel.wave_size, kernel.max_threads) == (16, 32, 64)
    assert (kernel.lds, kernel.scratch, kernel.vgpr_spills) == (256, 0, 0)
    assert struct.unpack_from("<I", kernel.descriptor) == (kernel.lds,)
    address, constants = found.sections[".rodata"]
    assert kernel.descriptor in constants
    at = address + constants.index(kernel.descriptor)
    (to_entry,) = struct.unpack_from("<q", kernel.descriptor, 16)
    assert at + to_entry == found.text_address + kernel.entry


def test_the_entries_of_several_kernels(tree: Tree) -> None:
    text = tree.source.read_text()
    tree.source.write_text(text + text[text.index("extern") :].replace("toy_copy", "toy_more"))
    tree.build()
    found = codeobject.read(tree.object())
    assert [k.entry for k in found.kernels.values()] == sorted(
        {k.entry for k in found.kernels.values()}
    )
    first, second = found.kernels["toy_copy"].entry, found.kernels["toy_more"].entry
    assert first < second
    size = 16  # bytes that both begin with: they are the same function
    assert found.text[first : first + size] == found.text[second : second + size]


@pytest.mark.parametrize("size", [0, 1, 16, 63, 64, 200, 600, 2000, -1])
def test_a_part_of_a_file_is_corrupt(data: bytes, size: int) -> None:
    with pytest.raises(CodeObjectError, match="corrupt code object: "):
        codeobject.parse(data[:size])


def test_every_prefix_is_corrupt(data: bytes) -> None:
    for size in range(0, len(data), 11):
        with pytest.raises(CodeObjectError):
            codeobject.parse(data[:size])


def test_changed_bytes_are_refused_or_read(data: bytes) -> None:
    """Never another exception, whatever a damaged file says."""
    chance, refused = random.Random(SEED), 0
    for _ in range(4000):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 4))):
            changed[chance.randrange(len(data))] = chance.randrange(256)
        try:
            assert isinstance(codeobject.parse(bytes(changed)), CodeObject)
        except CodeObjectError:
            refused += 1
    assert refused > 400


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"\x7fELF\x02", b"\x7fELF\x01", "no 64-bit little-endian ELF file"),
        (b"toy_copy.kd\0", b"joy_copy.kd\0", "the symbol toy_copy.kd is not there"),
        (b"AMDGPU\0", b"AMDCPU\0", "0 notes with metadata"),
        (b".vgpr_count", b".vgpr_coun_", "the metadata's .vgpr_count is None"),
        (b".text\0", b".test\0", "0 sections .text"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, old: bytes, new: bytes, words: str) -> None:
    assert old in data
    with pytest.raises(CodeObjectError, match=words):
        codeobject.parse(data.replace(old, new))


def test_a_section_past_the_end_is_corrupt(data: bytes) -> None:
    (table,) = struct.unpack_from("<Q", data, 40)
    (count,) = struct.unpack_from("<H", data, 60)
    for i in range(1, count):
        size_at = table + i * 64 + 32
        changed = bytearray(data)
        struct.pack_into("<Q", changed, size_at, len(data))
        if struct.unpack_from("<I", data, table + i * 64 + 4)[0] != 8:  # NOBITS has no contents
            with pytest.raises(CodeObjectError, match="past its end"):
                codeobject.parse(bytes(changed))


def test_code_for_another_machine_is_refused(data: bytes) -> None:
    x86 = data[:18] + (62).to_bytes(2, "little") + data[20:]
    with pytest.raises(CodeObjectError, match="for ELF machine 62"):
        codeobject.parse(x86)


def test_a_file_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        codeobject.read(tmp_path / "none.hsaco")


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        (b"\x05", 5),
        (b"\xff", -1),
        (b"\xcd\x01\x00", 256),
        (b"\xd1\xff\x00", -256),
        (b"\xc0", None),
        (b"\xc3", True),
        (b"\xa2hi", "hi"),
        (b"\xd9\x02hi", "hi"),
        (b"\x92\x01\xc2", [1, False]),
        (b"\x81\xa1a\x90", {"a": []}),
        (b"\xde\x00\x01\xa1a\xdc\x00\x01\x07", {"a": [7]}),
    ],
)
def test_metadata_values(encoded: bytes, value: object) -> None:
    assert msgpack.decode(encoded) == value


@pytest.mark.parametrize(
    ("encoded", "words"),
    [
        (b"", "ends at byte 0"),
        (b"\xa5hi", "in the middle of a value"),
        (b"\x01\x02", "1 bytes follow"),
        (b"\xc1", "unknown MessagePack tag 0xc1"),
        (b"\x81\x01\x02", "a key of the metadata is 1"),
        (b"\x91" * 100, "nests deeper"),
        (b"\xdd\xff\xff\xff\xff", "ends at byte 5"),
    ],
)
def test_bad_metadata_is_refused(encoded: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        msgpack.decode(encoded)
