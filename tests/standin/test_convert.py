"""One wheel becomes one conda package: dependencies of the target, files in place, same bytes."""

import base64
import csv
import hashlib
import json
import tarfile
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import pytest
from backports import zstd

from tools.errors import ToolError
from tools.standin import archive, convert
from tools.standin.platforms import Platform
from tools.standin.wheel import Wheel

MakeWheel = Callable[..., Path]
NEEDS = """\
Requires-Dist: alpha >=1.0
Requires-Dist: colorama; sys_platform == "win32"
Requires-Dist: uvloop >=0.15; sys_platform != "win32" and extra == "standard"
Requires-Dist: win-only; platform_machine == "AMD64" and extra == "standard"
Requires-Dist: old-python; python_version < "3.9"
Requires-Dist: torch ==2.13.0
Requires-Dist: small[standard]; extra == "all"
Provides-Extra: standard
Requires-Python: >=3.9
"""


@dataclass
class Package:
    """A .conda file, read."""

    name: str
    index: dict[str, Any]
    paths: dict[str, dict[str, Any]]
    info: dict[str, bytes]
    files: dict[str, bytes]
    modes: dict[str, int]
    times: set[object]


def unpacked(raw: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    found = []
    with tarfile.open(fileobj=BytesIO(raw)) as tar:
        for member in tar:
            file = tar.extractfile(member)
            found.append((member, file.read() if file else b""))
    return found


def read(path: Path) -> Package:
    with zipfile.ZipFile(path) as conda:
        members = conda.namelist()
        outer = {row.date_time for row in conda.infolist()}
        tars = [conda.read(name) for name in sorted(members) if name.endswith(".tar.zst")]
    info, files = (unpacked(zstd.decompress(raw)) for raw in tars)
    about = {member.name: contents for member, contents in info}
    rows = json.loads(about["info/paths.json"])["paths"]
    return Package(
        path.name,
        json.loads(about["info/index.json"]),
        {row["_path"]: row for row in rows},
        about,
        {member.name: contents for member, contents in files},
        {member.name: member.mode for member, _ in files},
        {member.mtime for member, _ in [*info, *files]} | outer,
    )


def made(wheel: Path, folder: Path, platform: Platform, extras: Collection[str] = ()) -> Package:
    folder.mkdir(parents=True, exist_ok=True)
    name = convert.file_name(Wheel(wheel), "0" * 64, platform, extras)
    convert.convert(Wheel(wheel), folder / name, platform, extras)
    return read(folder / name)


def test_markers_are_evaluated_for_the_target(
    make_wheel: MakeWheel, linux: Platform, windows: Platform
) -> None:
    wheel = Wheel(make_wheel("small", headers=NEEDS))
    common = ["alpha >=1.0", "python >=3.9", "pytorch ==2.13.0"]
    assert convert.depends(wheel, linux, []) == common
    assert convert.depends(wheel, windows, []) == sorted([*common, "colorama"])


def test_extras_become_dependencies(
    make_wheel: MakeWheel, linux: Platform, windows: Platform
) -> None:
    wheel = Wheel(make_wheel("small", headers=NEEDS))
    assert "uvloop >=0.15" in convert.depends(wheel, linux, ["standard"])
    assert "win-only" not in convert.depends(wheel, linux, ["standard"])
    assert "win-only" in convert.depends(wheel, windows, ["standard"])
    assert convert.depends(wheel, linux, ["all"]) == convert.depends(wheel, linux, [])


def test_a_platform_wheel_needs_its_python_and_its_glibc(
    make_wheel: MakeWheel, linux: Platform
) -> None:
    tag = "cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64"
    wheel = Wheel(make_wheel("small", tag=tag))
    assert convert.depends(wheel, linux, []) == [
        "__glibc >=2.27",
        "python 3.11.*",
        "python_abi 3.11.* *_cp311",
    ]


def test_every_member_goes_where_it_belongs(
    make_wheel: MakeWheel, tmp_path: Path, linux: Platform, windows: Platform
) -> None:
    files = {
        "small-1.0.data/scripts/run.py": b"#!python -u\nprint(1)\n",
        "small-1.0.data/scripts/native": b"\x7fELF",
        "small-1.0.data/purelib/small/more.py": b"",
        "small-1.0.data/data/share/man/small.1": b"manual",
        "small-1.0.data/headers/small.h": b"int x;",
        "small/tool": b"#!/bin/sh\n",
    }
    wheel = make_wheel("small", files=files, executable=("small/tool",))
    package = made(wheel, tmp_path / "out", linux)
    assert package.files["site-packages/small/more.py"] == b""
    assert package.files["share/man/small.1"] == b"manual"
    assert package.files["include/python3.11/small/small.h"] == b"int x;"
    assert package.modes["site-packages/small/tool"] == 0o755
    assert package.modes["site-packages/small/__init__.py"] == 0o644
    row = package.paths["python-scripts/run.py"]
    assert package.files["python-scripts/run.py"].splitlines() == [
        f"#!{row['prefix_placeholder']}/bin/python".encode(),
        b"print(1)",
    ]
    assert row["file_mode"] == "text"
    assert package.modes["python-scripts/native"] == 0o755
    assert not any(".data/" in path for path in package.paths)
    assert "Include/small/small.h" in made(wheel, tmp_path / "win", windows).files


def test_entry_points_are_left_to_the_installer(
    make_wheel: MakeWheel, tmp_path: Path, linux: Platform
) -> None:
    text = """\
[console_scripts]
zeta = small:main
Alpha = small.cli:app.run [extra]
[gui_scripts]
window = small:gui
[other]
plugin = small:plug
"""
    package = made(make_wheel("small", entry_points=text), tmp_path / "out", linux)
    link = json.loads(package.info["info/link.json"])
    assert link["noarch"] == {
        "type": "python",
        "entry_points": ["Alpha = small.cli:app.run", "window = small:gui", "zeta = small:main"],
    }


def test_a_program_lies_where_programs_are(
    make_wheel: MakeWheel, tmp_path: Path, linux: Platform
) -> None:
    """As conda-forge has it: no Python package, and for every Python."""
    files = {"ziglang/zig": b"\x7fELF", "ziglang/lib/std/os.zig": b"os", "ziglang/lib.txt": b""}
    tag = "py3-none-manylinux_2_12_x86_64"
    wheel = make_wheel("ziglang", tag=tag, files=files, executable=("ziglang/zig",))
    package = made(wheel, tmp_path / "out", linux)
    assert package.files == {"bin/zig": b"\x7fELF", "lib/zig/std/os.zig": b"os"}
    assert package.modes == {"bin/zig": 0o755, "lib/zig/std/os.zig": 0o644}
    assert (package.index["name"], package.index["depends"]) == ("zig", ["__glibc >=2.12"])
    assert "noarch" not in package.index and "info/link.json" not in package.info


def test_record_and_paths_tell_the_truth(
    make_wheel: MakeWheel, tmp_path: Path, linux: Platform
) -> None:
    files = {
        "small-1.0.data/purelib/small/more.py": b"x = 1\n",
        "small-1.0.data/scripts/run": b"#!python\n",
        "small,odd.py": b"",
    }
    check_record(made(make_wheel("small", files=files), tmp_path / "out", linux))


def check_record(package: Package) -> None:
    (info,) = {path.split("/")[1] for path in package.files if ".dist-info/" in path}
    record = package.files[f"site-packages/{info}/RECORD"].decode()
    listed = {row[0]: row[1] for row in csv.reader(record.splitlines())}
    inside = {p.removeprefix("site-packages/") for p in package.files if p.startswith("site-p")}
    assert set(listed) == inside
    for path, digest in listed.items():
        contents = package.files[f"site-packages/{path}"]
        expected = base64.urlsafe_b64encode(hashlib.sha256(contents).digest()).rstrip(b"=")
        assert digest in (f"sha256={expected.decode()}", ""), path
    assert set(package.paths) == set(package.files)
    for path, row in package.paths.items():
        assert row["sha256"] == hashlib.sha256(package.files[path]).hexdigest()
        assert row["size_in_bytes"] == len(package.files[path])
    assert package.files[f"site-packages/{info}/INSTALLER"] == b"conda\n"


def test_the_licence_comes_along(make_wheel: MakeWheel, tmp_path: Path, linux: Platform) -> None:
    files = {"small-1.0.dist-info/licenses/LICENSE.txt": b"Do as you like.\n"}
    wheel = make_wheel("small", files=files, headers="License-Expression: MIT\n")
    package = made(wheel, tmp_path / "out", linux)
    assert package.index["license"] == "MIT"
    assert package.info["info/licenses/licenses/LICENSE.txt"] == b"Do as you like.\n"


def test_the_same_wheel_gives_the_same_bytes(
    make_wheel: MakeWheel, tmp_path: Path, linux: Platform
) -> None:
    wheel = make_wheel("small", files={"b.py": b"1", "a.py": b"2"}, headers=NEEDS)
    first = made(wheel, tmp_path / "first", linux)
    (tmp_path / "elsewhere").mkdir()
    moved = wheel.rename(tmp_path / "elsewhere" / wheel.name)
    made(moved, tmp_path / "second", linux)
    both = [(tmp_path / folder / first.name).read_bytes() for folder in ("first", "second")]
    assert hashlib.sha256(both[0]).digest() == hashlib.sha256(both[1]).digest()
    assert first.times == {1767225600, (1980, 1, 1, 0, 0, 0)}
    assert list(first.files) == sorted(first.files)


def test_the_file_name_changes_with_what_the_bytes_depend_on(
    make_wheel: MakeWheel, linux: Platform, windows: Platform
) -> None:
    wheel = Wheel(make_wheel("small", version="1.0+local"))
    none: list[str] = []
    given = [("0" * 64, linux, none), ("1" * 64, linux, none), ("0" * 64, windows, none)]
    given.append(("0" * 64, linux, ["standard"]))
    found = {convert.file_name(wheel, *arguments) for arguments in given}
    assert len(found) == len(given)
    assert all(name.startswith("small-1.0-whl_h") for name in found)


def test_a_write_that_fails_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    def fail() -> IO[bytes]:
        raise OSError("the disk is gone")

    target = tmp_path / "small-1.0-0.conda"
    entries = [archive.from_bytes("a", b"1"), archive.Entry("b", 1, fail)]
    with pytest.raises(OSError, match="the disk is gone"):
        archive.write(target, {}, entries, {})
    assert not target.exists()


def test_the_file_name_changes_with_the_code(
    make_wheel: MakeWheel, linux: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = Wheel(make_wheel("small"))
    before = convert.file_name(wheel, "0" * 64, linux, [])
    monkeypatch.setattr(convert, "MADE_BY", ("archive.py",))
    assert convert.file_name(wheel, "0" * 64, linux, []) != before


def test_a_broken_wheel_is_named(tmp_path: Path, make_wheel: MakeWheel) -> None:
    wheel = make_wheel("small")
    wheel.write_bytes(wheel.read_bytes()[:200])
    with pytest.raises(ToolError, match=r"small-1\.0-py3-none-any\.whl: not a readable wheel"):
        Wheel(wheel)
