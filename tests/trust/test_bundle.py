"""Bundles: the same bytes each time, every one of them checked, and nothing half installed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
import subprocess
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.trust.conftest import Bundles, says, settle
from tools import build, bundle, generations, paths, solve
from tools.bundle import layout, pack, unpack
from tools.errors import ToolError
from tools.trust import sums

HERE = solve.here()
ELSEWHERE = next(p for p in solve.ELSEWHERE if p != HERE)


def test_what_is_in_it_installs(bundles: Bundles, place: Path) -> None:
    assert bundle.install(bundles.one, None) == place / "cpu@1"
    assert says(place / "cpu@1") == says(place / "cpu") == "one"
    assert not (paths.WORK / "bundle").exists()


def test_the_same_content_gives_the_same_bytes(bundles: Bundles, tmp_path: Path) -> None:
    """In another folder, at another time, indexed anew."""
    with pytest.MonkeyPatch.context() as patch:
        settle(tmp_path / "a longer name of a checkout", patch)
        bundle.write(None, None, tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == bundles.one.read_bytes()
    assert bundles.two.read_bytes() != bundles.one.read_bytes()


def test_when_a_channel_was_indexed_is_left_out(place: Path) -> None:
    """Ours does not say; the stand-in's, and conda-forge's, rows do."""
    build.build(["cpu"])
    repodata = paths.CHANNEL / "noarch" / "repodata.json"
    content = json.loads(repodata.read_text())
    assert content["packages.conda"] and b"indexed_timestamp" not in repodata.read_bytes()
    for row in content["packages.conda"].values():
        row["indexed_timestamp"] = 1
    repodata.write_text(json.dumps(content))
    _, items = pack.contents("cpu", HERE, ["data"], print)
    made = [item.content for item in items if item.path.endswith("repodata.json")]
    assert made and not [content for content in made if b"indexed_timestamp" in content]


def test_other_tools_read_it(bundles: Bundles, tmp_path: Path) -> None:
    """tar unpacks it, sha256sum checks it, and what it holds is a channel."""
    subprocess.run(["tar", "-xf", bundles.one, "-C", tmp_path], check=True)
    subprocess.run(["sha256sum", "--check", "--quiet", sums.NAME], cwd=tmp_path, check=True)
    found = solve.records(["data"], channels=[(tmp_path / "channel").as_uri()])
    assert [r.name.normalized for r in found] == ["data", "gfx-target"]
    lock = layout.locked((tmp_path / layout.LOCK).read_text())
    assert set(lock) == {f"channel/noarch/{r.file_name}" for r in found}


def test_it_holds_nothing_that_is_not_listed(bundles: Bundles) -> None:
    with tarfile.open(bundles.one) as archive:
        names = archive.getnames()
        listing = archive.extractfile(sums.NAME)
        assert listing
        assert [sums.NAME, *sums.parse(listing.read().decode())] == [names[0], *sorted(names[1:])]
    assert [n for n in names if n.endswith(".cdx.json")], "bills of materials"


def _positions(file: Path) -> list[int]:
    """Every byte of a header and of the end, and a sample of the rest."""
    with tarfile.open(file) as archive:
        members = archive.getmembers()
    third = members[2].offset
    size = file.stat().st_size
    chosen = set(random.Random(0).sample(range(size), 400))
    return sorted(
        chosen | set(range(third, third + 512, 3)) | {0, 511, 512, size - 1, size - 10000}
    )


def test_a_flipped_byte_anywhere_is_found(bundles: Bundles, tmp_path: Path) -> None:
    whole = bundles.one.read_bytes()
    damaged = tmp_path / "damaged.tar"
    unpack.unpack(bundles.one, tmp_path / "whole", print)
    for position in _positions(bundles.one):
        flipped = bytes([whole[position] ^ 1])
        damaged.write_bytes(whole[:position] + flipped + whole[position + 1 :])
        with pytest.raises(ToolError, match=r"damaged.tar is damaged or no bundle: .*get the file"):
            unpack.unpack(damaged, tmp_path / "out", print)
            pytest.fail(f"byte {position}")
        shutil.rmtree(tmp_path / "out", ignore_errors=True)


@pytest.mark.parametrize("cut", [0, 1, 600, 5000, -10240, -1])
def test_a_truncated_one_is_refused(
    bundles: Bundles, place: Path, tmp_path: Path, cut: int
) -> None:
    short = tmp_path / "short.tar"
    short.write_bytes(bundles.one.read_bytes()[:cut])
    with pytest.raises(ToolError, match=r"short.tar is damaged or no bundle"):
        bundle.install(short, None)
    assert not place.exists() and not (paths.WORK / "bundle").exists()


def test_one_of_zeros_is_refused(place: Path, tmp_path: Path) -> None:
    """Space that a download had reserved when it was interrupted."""
    (tmp_path / "zeros.tar").write_bytes(bytes(10240))
    with pytest.raises(ToolError, match=r"zeros.tar is damaged or no bundle: it is empty; get"):
        bundle.install(tmp_path / "zeros.tar", None)
    assert not place.exists() and not (paths.WORK / "bundle").exists()


def test_something_appended_is_refused(bundles: Bundles, tmp_path: Path) -> None:
    longer = tmp_path / "longer.tar"
    longer.write_bytes(bundles.one.read_bytes() + b"\0" * 512)
    with pytest.raises(ToolError, match="does not end as it should"):
        unpack.unpack(longer, tmp_path / "out", print)


def _forged(file: Path, path: str, content: bytes) -> None:
    """A bundle whose checksums are right, with one file of the given name."""
    listing = f"{hashlib.sha256(content).hexdigest()}  {path}\n".encode()
    pack._archive(file, [pack.made(path, content)], print)
    assert listing in file.read_bytes()


@pytest.mark.parametrize("path", ["../out.txt", "/tmp/out.txt", "a/../../b", "a\\b", "c:/b"])
def test_a_path_outside_is_refused(tmp_path: Path, path: str) -> None:
    _forged(tmp_path / "forged.tar", path, b"x")
    with pytest.raises(ToolError, match="is not a line of SHA256SUMS"):
        unpack.unpack(tmp_path / "forged.tar", tmp_path / "in" / "side", print)
    assert not (tmp_path / "out.txt").exists() and not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b'{"schema": 2}', "the bundle has layout 2"), (b"[]", "bundle.json of the bundle cannot")],
)
def test_a_layout_of_another_version_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    _forged(tmp_path / "later.tar", layout.DATA, content)
    with pytest.raises(ToolError, match=message):
        unpack.unpack(tmp_path / "later.tar", tmp_path / "out", print)


def test_a_file_that_is_not_there_is_one_line(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"cannot read .*none.tar: No such file"):
        bundle.install(tmp_path / "none.tar", None)


def test_one_for_another_platform_is_refused(place: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        settle(tmp_path / "other", patch)
        bundle.write("gfx1100", ELSEWHERE, tmp_path / "other.tar")
    with pytest.raises(ToolError, match=f"is for {ELSEWHERE}, this is {HERE}; make one with"):
        bundle.install(tmp_path / "other.tar", None)
    assert not place.exists()


def test_a_target_that_does_not_exist_there_is_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="gfx906 does not exist on win-64; it does on linux-64"):
        bundle.write("gfx906", "win-64", tmp_path / "out.tar")


def test_one_of_another_target_is_refused(bundles: Bundles, place: Path) -> None:
    with pytest.raises(ToolError, match="the bundle is for cpu, not gfx1100"):
        bundle.install(bundles.one, "gfx1100")


def test_a_machine_that_its_packages_do_not_suit_is_told(
    bundles: Bundles, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is what the solver would choose here, or nothing is installed."""
    monkeypatch.setattr(layout, "locked", lambda _: {"channel/noarch/other.conda": "0"})
    with pytest.raises(ToolError, match="is not what this machine needs"):
        bundle.install(bundles.one, None)
    assert not place.exists()


def test_a_program_that_does_not_run_is_not_used(
    bundles: Bundles, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle.install(bundles.one, None)

    def fails(where: Path) -> None:
        raise ToolError("no text")

    monkeypatch.setattr("tools.trial.generates", fails)
    with pytest.raises(ToolError, match="no text"):
        bundle.install(bundles.two, None)
    assert says(place / "cpu") == "one" and not (place / "cpu@2").exists()
    bundle.install(bundles.two, None, untried=True)
    assert says(place / "cpu") == "two"


def test_no_room_is_said_before_anything_is_written(
    bundles: Bundles, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    monkeypatch.setattr("tools.bundle.place.unpack", lambda *_: pytest.fail("written"))
    with pytest.raises(ToolError, match=r"no disk space left.*this takes 0\.0 GB"):
        bundle.install(bundles.one, None)
    assert not place.exists()


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("step", ["tools.bundle.unpack._copy", "tools.prefix._install"])
def test_a_disk_that_gets_full_is_one_line_and_keeps_the_old(
    bundles: Bundles, place: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    bundle.install(bundles.one, None)
    monkeypatch.setattr(step, _full)
    with pytest.raises(ToolError, match="no disk space left while writing below"):
        bundle.install(bundles.two, None)
    assert says(place / "cpu") == "one" and {p.name for p in place.iterdir()} == KEPT


KEPT = {"cpu", "cpu.json", "cpu@1"}


def test_a_disk_that_gets_full_leaves_no_half_bundle(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "_add", _full)
    with pytest.raises(ToolError, match="no disk space left"):
        pack._archive(tmp_path / "out.tar", [], print)
    assert not list(tmp_path.glob("out.tar*"))


@pytest.mark.skipif(os.name == "nt", reason="sysfs is what not even root can write")
def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    for where in (Path("/sys/out.tar"), tmp_path / "none" / "out.tar"):
        with pytest.raises(ToolError, match=f"cannot write {where}: .*; name another place"):
            pack._archive(where, [], print)


def test_a_package_changed_since_it_was_indexed_is_not_packed(tmp_path: Path) -> None:
    file = tmp_path / "a.conda"
    file.write_bytes(b"changed")
    item = pack.Item("channel/noarch/a.conda", "0" * 64, file=file)
    with pytest.raises(ToolError, match=r"a.conda is not the package that was indexed"):
        pack._archive(tmp_path / "out.tar", [item], print)
    assert not list(tmp_path.glob("out.tar*"))


def test_going_back_and_forth(bundles: Bundles, place: Path) -> None:
    bundle.install(bundles.one, None)
    bundle.install(bundles.two, None)
    for expected in ("one", "two", "one"):
        generations.rollback("cpu")
        assert says(place / "cpu") == expected
