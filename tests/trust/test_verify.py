"""`verify` names every file that is not as it was installed, and no other."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rattler.index import index_fs

from tests.trust.conftest import put_on
from tools import paths, prefix, solve
from tools.errors import ToolError
from tools.standin import archive
from tools.trust import report, verify

HOLDER = archive.PLACEHOLDER
FILES = {
    "bin/tool": archive.from_bytes(
        "bin/tool", f"#!{HOLDER}/bin/python\n".encode(), placeholder=HOLDER, executable=True
    ),
    "share/large": archive.from_bytes("share/large", bytes(range(256)) * 9000),
    "share/empty": archive.from_bytes("share/empty", b""),
    "share/link": archive.Entry("share/link", link="large"),
    "site/a.py": archive.from_bytes("site/a.py", b"a = 1\n"),
}


@pytest.fixture
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prefix of one package with a file of each kind."""
    put_on(tmp_path, monkeypatch)
    folder = paths.CHANNEL / "noarch"
    folder.mkdir(parents=True)
    index: dict[str, Any] = {"name": "kinds", "version": "1", "build": "0", "build_number": 0}
    index |= {"subdir": "noarch", "noarch": "generic", "depends": []}
    archive.write(folder / "kinds-1-0.conda", index, FILES.values(), {})
    asyncio.run(index_fs(paths.CHANNEL, write_zst=False, write_shards=False))
    prefix.make(tmp_path / "prefix", solve.records(["kinds"], channels=[paths.CHANNEL.as_uri()]))
    return tmp_path / "prefix"


def test_an_intact_prefix(where: Path, tmp_path: Path) -> None:
    found = verify.verify(where)
    assert found.lines() == [] and found.files == len(FILES)
    assert found.size > 2_000_000
    (tmp_path / "other name").symlink_to(where)
    assert verify.verify(tmp_path / "other name").lines() == [], "by a link to it too"
    report.verify(where, None)


def _flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.unlink()  # a hard link to the package cache
    path.write_bytes(content)


def _become_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def _relink(path: Path) -> None:
    path.unlink()
    path.symlink_to("empty")


def _copied(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


DAMAGE: list[tuple[str, Callable[[Path], object], list[str]]] = [
    ("share/large", lambda p: _flip(p, 0), ["changed: share/large (kinds)"]),
    ("share/large", lambda p: _flip(p, -1), ["changed: share/large (kinds)"]),
    ("share/empty", lambda p: p.write_bytes(b"\n"), ["changed: share/empty (kinds)"]),
    ("bin/tool", lambda p: _flip(p, -2), ["changed: bin/tool (kinds)"]),
    ("share/empty", lambda p: p.unlink(), ["missing: share/empty (kinds)"]),
    ("share/link", lambda p: p.unlink(), ["missing: share/link (kinds)"]),
    ("share/link", _relink, ["changed: share/link (kinds)"]),
    ("share/link", _copied, ["changed: share/link (kinds)"]),
    (
        "share/empty",
        _become_link,
        ["changed: share/empty (kinds)", "extra: share/elsewhere"],
    ),
    ("share/new", lambda p: p.write_bytes(b""), ["extra: share/new"]),
    ("share/new", lambda p: p.symlink_to(paths.ROOT), ["extra: share/new"]),
    (f"{verify.written()}/tmp/cache.c", lambda p: p.write_bytes(b"x"), []),
    (
        f"{verify.written()} 2/cache.c",
        lambda p: p.write_bytes(b"x"),
        [f"extra: {verify.written()} 2/cache.c"],
    ),
    (
        verify.written(),
        lambda p: p.symlink_to(paths.ROOT),
        [f"extra: {verify.written()}"],
    ),
    ("site/__pycache__/a.cpython-311.pyc", lambda p: p.write_bytes(b"x"), []),
    (
        "site/__pycache__/b.cpython-311.pyc",
        lambda p: p.write_bytes(b"x"),
        ["extra: site/__pycache__/b.cpython-311.pyc"],
    ),
]


@pytest.mark.parametrize(("path", "damage", "lines"), DAMAGE)
def test_what_differs_is_named(
    where: Path, path: str, damage: Callable[[Path], object], lines: list[str]
) -> None:
    (where / path).parent.mkdir(parents=True, exist_ok=True)
    damage(where / path)
    assert verify.verify(where).lines() == lines


def test_a_removed_record_leaves_its_files_without_an_owner(where: Path) -> None:
    shutil.copy(where / "conda-meta" / "kinds-1-0.json", where / "conda-meta" / "other.json")
    (where / "conda-meta" / "kinds-1-0.json").unlink()
    record = json.loads((where / "conda-meta" / "other.json").read_text())
    record["paths_data"]["paths"] = []
    (where / "conda-meta" / "other.json").write_text(json.dumps(record))
    assert set(verify.verify(where).extra) == set(FILES)


@pytest.mark.parametrize("where_it_lies", ["/short", "/somewhere/with a space", "/" + "long" * 40])
@pytest.mark.parametrize("count", [1, 2])
def test_a_replaced_prefix_is_undone(where_it_lies: str, count: int) -> None:
    """For records without `sha256_in_prefix`: text, and strings of a binary, padded with NULs."""
    holder = "/placeholder" * 20
    text = f"a {holder}/lib\n" * count
    row = {"prefix_placeholder": holder, "file_mode": "text"}
    installed = text.replace(holder, where_it_lies).encode()
    assert verify.undone(installed, row, Path(where_it_lies)) == text.encode()
    string = ":".join([f"{holder}/lib"] * count).encode()
    binary = b"\x7fELF\0" + string + b"\0\0next\0"
    shorter = string.replace(holder.encode(), where_it_lies.encode())
    padded = b"\x7fELF\0" + shorter + bytes(len(string) - len(shorter)) + b"\0\0next\0"
    row["file_mode"] = "binary"
    assert len(padded) == len(binary)
    assert verify.undone(padded, row, Path(where_it_lies)) == binary


def test_without_the_digest_in_the_prefix_the_replacement_is_redone(where: Path) -> None:
    file = where / "conda-meta" / "kinds-1-0.json"
    record = json.loads(file.read_text())
    (row,) = [r for r in record["paths_data"]["paths"] if r["_path"] == "bin/tool"]
    assert row.pop("sha256_in_prefix") != row["sha256"]
    file.write_text(json.dumps(record))
    assert verify.verify(where).lines() == []
    _flip(where / "bin" / "tool", 0)
    assert verify.verify(where).lines() == ["changed: bin/tool (kinds)"]


@pytest.mark.parametrize("content", ["", "{}", '{"name": "a"}', "[]"])
def test_a_record_that_is_none_is_one_line(where: Path, content: str) -> None:
    (where / "conda-meta" / "kinds-1-0.json").write_text(content)
    with pytest.raises(ToolError, match=r"kinds-1-0.json is not the record of a package"):
        verify.verify(where)


@pytest.mark.parametrize("name", ["none", "empty"])
def test_what_is_no_prefix_is_one_line(where: Path, name: str) -> None:
    (where.parent / "empty").mkdir()
    with pytest.raises(ToolError, match=f"{name} is not an installed prefix"):
        verify.verify(where.parent / name)


def test_the_report(where: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _flip(where / "share" / "large", 5)
    (where / "new [x]").write_text("")
    with pytest.raises(ToolError, match="1 changed, 0 missing, 1 extra; install it again"):
        report.verify(where, None)
    out = capsys.readouterr().out.splitlines()
    assert out == ["changed: share/large (kinds)", "extra: new [x]"]


def test_digests_are_those_of_the_files(where: Path) -> None:
    """That the record and the file agree is no accident of both being empty."""
    rows = {e.path: e.row for e in verify.entries(where)}
    content = (where / "share" / "large").read_bytes()
    assert rows["share/large"]["sha256"] == hashlib.sha256(content).hexdigest()
