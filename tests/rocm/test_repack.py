"""Unpacking a wheel: each file where Python looks for it, byte for byte, or one clear line."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from recipes.repack import Layout, OpenedWheel, WheelError, is_pinned, unpack
from recipes.repack.commands import same_commands
from recipes.repack.licences import collect_from_wheel
from recipes.repack.unpack import verify
from tests.rocm.conftest import LINUX, WINDOWS
from tests.rocm.wheels import Made

SITE = {"Scripts": "Lib/site-packages", "bin": "lib/python3.11/site-packages"}
CORE = LINUX.core("hipcc = rocm_sdk_core._cli:hipcc\n")


def unpacked(wheel: Path, prefix: Path, scripts: str = "bin") -> Layout:
    layout = Layout(prefix, SITE[scripts], scripts)
    with OpenedWheel(wheel) as opened:
        unpack(opened, layout)
    return layout


@pytest.mark.parametrize("scripts", ["bin", "Scripts"])
def test_every_kind_of_file_goes_where_it_belongs(tmp_path: Path, scripts: str) -> None:
    release = WINDOWS if scripts == "Scripts" else LINUX
    made = release.core("hipcc = rocm_sdk_core._cli:hipcc\n")
    layout = unpacked(made.write(tmp_path), tmp_path / "prefix", scripts)
    site = layout.prefix / layout.site
    data = f"rocm_sdk_core-{release.rocm}.data"
    moved = {
        f"{data}/scripts/rocm-note": layout.prefix / scripts / "rocm-note",
        f"{data}/data/share/rocm/notes.txt": layout.prefix / "share/rocm/notes.txt",
        f"{data}/purelib/rocm_sdk_core_extra.py": site / "rocm_sdk_core_extra.py",
    }
    for name, content in made.members().items():
        if not name.endswith("/rocm-note"):
            assert moved.get(name, site / name).read_bytes() == content, name
    (clang,) = made.executable
    assert os.access(site / clang, os.X_OK)
    assert (site / made.dist_info / "INSTALLER").read_text() == "conda\n"
    note = (layout.prefix / scripts / "rocm-note").read_bytes()
    python = b"python" if scripts == "Scripts" else os.fsencode(layout.prefix / "bin/python")
    assert note == b"#!" + python + b"\nprint('note')\n"
    assert not (site / data).exists()


@pytest.mark.parametrize("hexed", [False, True])
def test_record_is_read_in_both_spellings_and_written_in_the_standard_one(
    tmp_path: Path, hexed: bool
) -> None:
    made = LINUX.device("gfx1100")
    made.hexed = hexed
    layout = unpacked(made.write(tmp_path), tmp_path / "prefix")
    site = layout.prefix / layout.site
    found = importlib.metadata.Distribution.at(site / made.dist_info)
    rows = {str(f): f for f in found.files or ()}
    there = {p.relative_to(site).as_posix() for p in site.rglob("*") if p.is_file()}
    assert rows.keys() == there
    for name, row in rows.items():
        if not name.endswith("/RECORD"):
            digest = hashlib.sha256((site / name).read_bytes()).digest()
            assert row.hash and row.hash.mode == "sha256"
            assert row.hash.value == base64.urlsafe_b64encode(digest).decode().rstrip("=")
            assert row.size == (site / name).stat().st_size


def test_record_names_scripts_and_data_too_and_leaves_out_what_changes(tmp_path: Path) -> None:
    layout = unpacked(CORE.write(tmp_path), tmp_path / "prefix")
    record = layout.prefix / layout.site / CORE.dist_info / "RECORD"
    rows = {row[0]: row[1:] for row in csv.reader(record.read_text().splitlines())}
    assert rows["../../../bin/rocm-note"] == ["", ""]
    assert rows["../../../share/rocm/notes.txt"][1] == "6"
    for name in rows:
        assert (layout.prefix / layout.site / name).is_file()


def test_licence_texts_are_collected_and_their_absence_is_said(tmp_path: Path) -> None:
    for made, expected in (
        (CORE, "_rocm_sdk_core/share/doc/hip/LICENSE.md"),
        (LINUX.device("gfx1100"), "NO-LICENCE-TEXT.txt"),
    ):
        folder = tmp_path / made.dist_info / "licences"
        folder.parent.mkdir()
        with OpenedWheel(made.write(tmp_path)) as wheel:
            collect_from_wheel(wheel, folder)
        assert [p.relative_to(folder).as_posix() for p in folder.rglob("*.*")] == [expected]


def damaged(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(record: bytes) -> bytes:
        assert old in record
        return record.replace(old, new, 1)

    return change


RECORD = {
    "hash": (damaged(b"sha256=", b"sha256=AAAA"), r"is not what RECORD says"),
    "none": (damaged(b"_cli.py,sha256=", b"_cli.py,md5="), r"RECORD gives .*_cli\.py 'md5="),
    "size": (damaged(b",6\n", b",7\n"), r"has 6 bytes, RECORD says 7"),
    "more": (lambda r: r + b"torch/gone.py,,\n", r"RECORD gives torch/gone\.py ''"),
    "less": (lambda r: r.partition(b"\n")[2], r"does not list in RECORD its _rocm_sdk_core/"),
    "number": (damaged(b",6\n", b",six\n"), r"RECORD gives .*notes\.txt .*'six'"),
    "line": (lambda r: b"nonsense\n" + r, r"RECORD has a line 'nonsense'"),
}


@pytest.mark.parametrize("case", RECORD)
def test_a_record_that_does_not_fit_is_refused(tmp_path: Path, case: str) -> None:
    change, message = RECORD[case]
    with pytest.raises(WheelError, match=message), OpenedWheel(CORE.write(tmp_path, change)) as w:
        verify(w)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[200] ^= 0x40
    path.write_bytes(content)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (lambda p: os.truncate(p, p.stat().st_size // 2), r"no readable wheel"),
    "empty": (lambda p: os.truncate(p, 0), r"no readable wheel"),
    "flipped": (flipped, r"Bad CRC|invalid|is not what RECORD|Error -3"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_wheel_is_refused(tmp_path: Path, case: str) -> None:
    wheel = CORE.write(tmp_path)
    damage, message = DAMAGE[case]
    damage(wheel)
    with pytest.raises(WheelError, match=message), OpenedWheel(wheel) as opened:
        unpack(opened, Layout(tmp_path / "prefix", SITE["bin"], "bin"))


@pytest.mark.parametrize("file", ["rocm_sdk_core-10.0.0-py3-none-win_amd64.whl"])
def test_a_wheel_of_another_platform_under_this_name_is_refused(tmp_path: Path, file: str) -> None:
    wheel = CORE.write(tmp_path).rename(tmp_path / file)
    with pytest.raises(WheelError, match=r"was built for py3-none-linux_x86_64"):
        OpenedWheel(wheel)


def test_a_wheel_for_another_python_under_this_name_is_refused(tmp_path: Path) -> None:
    made = LINUX.torch_device("gfx1100")
    wheel = made.write(tmp_path).rename(tmp_path / made.file.replace("cp311", "cp312"))
    with pytest.raises(WheelError, match=r"cp312.* was built for cp311-cp311-linux_x86_64"):
        OpenedWheel(wheel)


def test_a_wheel_swapped_for_another_is_refused(tmp_path: Path) -> None:
    wheel = LINUX.device("gfx1201").write(tmp_path).rename(tmp_path / LINUX.device("gfx1100").file)
    with pytest.raises(WheelError, match=r"gfx1100.* holds rocm_sdk_device_gfx1201"):
        OpenedWheel(wheel)


UNSAFE = ["../out.py", "/etc/out.py", "C:/out.py", "a\\b.py", "a/../../out.py", "nul:.py"]


@pytest.mark.parametrize("name", UNSAFE)
def test_a_member_outside_the_wheel_is_refused(tmp_path: Path, name: str) -> None:
    made = Made(CORE.file, {**CORE.files, name: b"x"})
    with pytest.raises(WheelError, match=r"not a plain file below it"):
        OpenedWheel(made.write(tmp_path))


def test_a_link_and_a_file_that_comes_twice_are_refused(tmp_path: Path) -> None:
    wheel = CORE.write(tmp_path)
    with zipfile.ZipFile(wheel, "a") as archive:
        row = zipfile.ZipInfo("_rocm_sdk_core/link")
        row.external_attr = 0o120777 << 16
        archive.writestr(row, "target")
    with pytest.raises(WheelError, match=r"'_rocm_sdk_core/link': not a plain file"):
        OpenedWheel(wheel)
    wheel = CORE.write(tmp_path)
    with zipfile.ZipFile(wheel, "a") as archive, pytest.warns(UserWarning):
        archive.writestr("rocm_sdk_core/_cli.py", "again")
    with pytest.raises(WheelError, match=r"_cli\.py twice"):
        OpenedWheel(wheel)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    wheel = CORE.write(tmp_path)
    unpacked(wheel, tmp_path / "prefix")
    with pytest.raises(WheelError, match=r"is there already"):
        unpacked(wheel, tmp_path / "prefix")


def test_an_unknown_kind_of_data_is_refused(tmp_path: Path) -> None:
    name = f"rocm_sdk_core-{LINUX.rocm}.data/firmware/one.bin"
    wheel = Made(CORE.file, {**CORE.files, name: b"x"}).write(tmp_path)
    with pytest.raises(WheelError, match=r"no tool knows where .*firmware/one\.bin belongs"):
        unpacked(wheel, tmp_path / "prefix")


def test_commands_that_the_recipe_does_not_list_are_named(tmp_path: Path) -> None:
    recipe = tmp_path / "rocm-sdk-core" / "recipe.yaml"
    recipe.parent.mkdir()
    listed = (
        "build: {python: {entry_points: ['gone = a:b', {if: win, then: ['w = a:b'], else: []}]}}"
    )
    recipe.write_text(listed)
    with OpenedWheel(CORE.write(tmp_path)) as wheel:
        message = r"rocm-sdk-core/recipe\.yaml lack \['hipcc = .*'\] and have \['gone = a:b'\]"
        with pytest.raises(WheelError, match=message):
            same_commands(wheel, recipe, windows=False)


def test_the_pin_is_asked_again_where_the_tools_are_not(tmp_path: Path) -> None:
    """`rattler-build build` alone runs this too."""
    wheel, pins = CORE.write(tmp_path), tmp_path / "rocm.yaml"
    digest, size = hashlib.sha256(wheel.read_bytes()).hexdigest(), wheel.stat().st_size
    row = 'wheels: {%s: {"sha256": %s, "size": %d}}'
    for sha256, length, message in (
        (f'"{"0" * 64}"', size, r"has sha256 .* says 0000"),
        (f'"{digest}"', size + 5, r"is truncated: \d+ of \d+ bytes"),
        ("null", size, r"has no sha256 in rocm\.yaml; run `python dev\.py pin rocm`"),
    ):
        pins.write_text(row % (wheel.name, sha256, length))
        with pytest.raises(WheelError, match=message):
            is_pinned(wheel, pins)
    pins.write_text(row % (wheel.name, f'"{digest}"', size))
    is_pinned(wheel, pins)
