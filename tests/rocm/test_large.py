"""A file of more than 4 GiB, in a wheel and in a package.

The bytes are zeros, in the wheel and the package as holes, so that nobody's disk has to hold them.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import IO, cast

from backports import zstd

from recipes.repack import OpenedWheel
from recipes.repack.unpack import verify
from tests.rocm.conftest import LINUX
from tools import normalise

SIZE = (4 << 30) + 4096
CRC, SHA256 = 0xB875D37F, "5bc8222d078b1d6dab4a1d75403860f91afffe8a6944d469e496f553d296be3d"
BIG = "_rocm_sdk_libraries/lib/hipblaslt/library/big.co"
ZEROS = bytes(1 << 24)


def add_hole(archive: zipfile.ZipFile, name: str, start: bytes, crc: int, size: int) -> None:
    """A stored member of `size` bytes that begins with `start`; zipfile would write every zero."""
    info = zipfile.ZipInfo(name, (2026, 9, 1, 0, 0, 0))
    info.file_size = info.compress_size = size
    info.CRC, info.header_offset = crc, archive.start_dir
    assert archive.fp
    archive.fp.seek(archive.start_dir)
    archive.fp.truncate()
    archive.fp.write(info.FileHeader(zip64=True) + start)
    archive.fp.seek(size - len(start), 1)
    archive.start_dir = archive.fp.tell()
    archive.filelist.append(info)
    archive.NameToInfo[name] = info
    archive._didModify = True  # type: ignore[attr-defined]


def test_a_wheel_with_a_file_over_4_gib_is_read(tmp_path: Path) -> None:
    made = LINUX.device("gfx1100")
    row = f"{BIG},sha256={SHA256},{SIZE}\n".encode()
    path = made.write(tmp_path, lambda record: row + record)
    with zipfile.ZipFile(path, "a") as archive:
        add_hole(archive, BIG, b"", CRC, SIZE)
    assert path.stat().st_size > SIZE
    with OpenedWheel(path) as wheel:
        assert wheel.members[BIG].file_size == SIZE
        verify(wheel)


class Zeros(io.RawIOBase):
    """`size` of them, to read once."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1) -> bytes:
        given = min(self.left, len(ZEROS) if size < 0 else size)
        self.left -= given
        return ZEROS[:given]


def tarred(target: IO[bytes], files: dict[str, int | bytes], level: int = 1) -> None:
    with (
        zstd.ZstdFile(target, "wb", level=level) as packed,
        tarfile.open(fileobj=cast(IO[bytes], packed), mode="w|", bufsize=1 << 20) as tar,
    ):
        tar.copybufsize = 1 << 20  # type: ignore[attr-defined]
        for name, content in files.items():
            row = tarfile.TarInfo(name)
            row.size = content if isinstance(content, int) else len(content)
            data = Zeros(row.size) if isinstance(content, int) else io.BytesIO(content)
            tar.addfile(row, cast(IO[bytes], data))


def test_a_package_with_a_file_over_4_gib_is_normalised(tmp_path: Path) -> None:
    package = tmp_path / "big-1-0.conda"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("metadata.json", b'{"conda_pkg_format_version": 2}')
        with archive.open("pkg-big-1-0.tar.zst", "w", force_zip64=True) as part:
            tarred(part, {"big.co": SIZE, "small.txt": b"ok"})
    normalise.normalise(package)
    with (
        zipfile.ZipFile(package) as archive,
        archive.open("pkg-big-1-0.tar.zst") as part,
        zstd.ZstdFile(part) as unpacked,
        tarfile.open(fileobj=cast(IO[bytes], unpacked), mode="r|", bufsize=1 << 20) as tar,
    ):
        found = {m.name: (m.size, m.mtime) for m in tar}
    assert found == {"big.co": (SIZE, normalise.EPOCH), "small.txt": (2, normalise.EPOCH)}


def test_order_does_not_change_a_byte(tmp_path: Path) -> None:
    """Members that come in another order go over the disk instead of being streamed."""
    files: dict[str, int | bytes] = {"a": b"1", "b": b"2", "c/d": b"3"}
    made = []
    for order in (list(files), list(reversed(files))):
        package = tmp_path / "one-1-0.conda"
        with (
            zipfile.ZipFile(package, "w") as archive,
            archive.open("pkg-one-1-0.tar.zst", "w") as part,
        ):
            tarred(part, {name: files[name] for name in order})
        normalise.normalise(package)
        made.append(package.read_bytes())
    assert made[0] == made[1]
