"""A wheel as a conda package, one for one.

Every package, but for those of programs.yaml, is laid out as `noarch: python`: the installer puts
site-packages where the Python of the prefix wants it and makes the scripts of entry points. Yet
every package lies in the folder of its platform (CEP 20), pure ones too, because markers make their
dependencies differ.
"""

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any

from packaging.specifiers import SpecifierSet

from tools.standin import archive, names, programs, trimmed
from tools.standin.archive import Entry
from tools.standin.platforms import Platform
from tools.standin.wheel import Wheel

# A change to one of these may make the same wheel other bytes.
MADE_BY = (
    "archive.py",
    "conda_names.yaml",
    "convert.py",
    "names.py",
    "platforms.yaml",
    "programs.py",
    "programs.yaml",
    "trimmed.py",
    "trimmed.yaml",
    "wheel.py",
)
SITE = "site-packages"


def file_name(wheel: Wheel, sha256: str, platform: Platform, extras: Collection[str]) -> str:
    """The package's file name; its build string changes with all that its bytes depend on."""
    key = [archive.digest_of(MADE_BY), sha256, platform.name, *sorted(extras)]
    build = "whl_h" + hashlib.sha256(" ".join(key).encode()).hexdigest()[:8] + "_0"
    return f"{names.conda_name(wheel.name)}-{names.conda_version(wheel.version)}-{build}.conda"


def convert(wheel: Wheel, target: Path, platform: Platform, extras: Collection[str]) -> None:
    """Write the package of `wheel` to `target`, whose name `file_name` gave."""
    index = _index(wheel, target, platform, extras)
    info = {"about.json": json.dumps({"summary": wheel.metadata.summary or ""}).encode()}
    if not programs.is_program(wheel.name):
        info["link.json"] = _link(wheel)
    with zipfile.ZipFile(wheel.path) as source:
        for name in wheel.licence_files():
            info["licenses/" + name.split("/", 1)[1]] = source.read(name)
        lay_out = _program if programs.is_program(wheel.name) else _entries
        archive.write(target, index, lay_out(wheel, source, platform), info)


def _link(wheel: Wheel) -> bytes:
    """What the installer has to do for a Python package."""
    link: dict[str, Any] = {"type": "python"}
    if wheel.entry_points:
        link["entry_points"] = wheel.entry_points
    return json.dumps({"noarch": link, "package_metadata_version": 1}).encode()


def depends(wheel: Wheel, platform: Platform, extras: Collection[str]) -> list[str]:
    """Match specs of all it needs, sorted."""
    found = {names.conda_spec(requirement) for requirement in wheel.requires(platform, extras)}
    if wheel.pure:
        python = names.conda_versions(SpecifierSet(wheel.python_needed()))
        return sorted({f"python {python}".strip(), *found})
    glibc = wheel.glibc_needed()
    system = [f"__glibc >={glibc}"] if glibc else []
    if programs.is_program(wheel.name):
        return sorted({*system, *found})
    abi = f"python_abi {platform.python}.* *_cp{platform.python.replace('.', '')}"
    return sorted({f"python {platform.python}.*", abi, *system, *found})


def _index(
    wheel: Wheel, target: Path, platform: Platform, extras: Collection[str]
) -> dict[str, Any]:
    name, version, build = target.name.removesuffix(".conda").rsplit("-", 2)
    kind = {} if programs.is_program(wheel.name) else {"noarch": "python"}
    return {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": depends(wheel, platform, extras),
        "license": wheel.licence(),
        "subdir": platform.name,
        "timestamp": archive.EPOCH * 1000,
        **kind,
    }


def _entries(wheel: Wheel, source: zipfile.ZipFile, platform: Platform) -> Iterator[Entry]:
    replaced = {f"{wheel.dist_info}/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED")}
    changed: dict[str, bytes] = {}
    for name, member in wheel.members.items():
        if name in replaced or not trimmed.keeps(wheel.name, name, platform):
            continue
        path = _destination(wheel, name, platform)
        if texts := trimmed.replacements(wheel.name, name, platform):
            changed[name] = trimmed.replaced(name, source.read(member), texts)
            yield archive.from_bytes(path, changed[name])
        else:
            yield _entry(path, source, member, platform)
    record = _record(wheel, source, replaced, platform, changed)
    yield archive.from_bytes(f"{SITE}/{wheel.dist_info}/INSTALLER", b"conda\n")
    yield archive.from_bytes(f"{SITE}/{wheel.dist_info}/RECORD", record)


def _record(
    wheel: Wheel,
    source: zipfile.ZipFile,
    replaced: Collection[str],
    platform: Platform,
    changed: dict[str, bytes],
) -> bytes:
    """The wheel's own RECORD for what is below site-packages; scripts are the installer's."""
    text = source.read(f"{wheel.dist_info}/RECORD").decode("utf-8")
    rows = [[f"{wheel.dist_info}/{name}", "", ""] for name in ("INSTALLER", "RECORD")]
    for row in csv.reader(text.splitlines()):
        kind = re.sub(r"^(purelib|platlib)/", "", row[0].removeprefix(wheel.data))
        inside = not row[0].startswith(wheel.data) or kind != row[0].removeprefix(wheel.data)
        kept = row[0] not in replaced and trimmed.keeps(wheel.name, row[0], platform)
        if inside and kept:
            new = trimmed.recorded(changed[row[0]]) if row[0] in changed else row[1:]
            rows.append([kind, *new])
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(sorted(rows))
    return out.getvalue().encode()


def _program(wheel: Wheel, source: zipfile.ZipFile, platform: Platform) -> Iterator[Entry]:
    for name, member in wheel.members.items():
        if path := programs.destination(wheel.name, name):
            yield _entry(path, source, member, platform)


def _entry(
    path: str, source: zipfile.ZipFile, member: zipfile.ZipInfo, platform: Platform
) -> Entry:
    if path.startswith("python-scripts/"):
        return _script(path, source.read(member), platform)
    executable = bool((member.external_attr >> 16) & 0o111)

    def contents() -> IO[bytes]:
        return source.open(member)

    return Entry(path, member.file_size, contents, executable=executable)


def _destination(wheel: Wheel, member: str, platform: Platform) -> str:
    if not member.startswith(wheel.data):
        return f"{SITE}/{member}"
    kind, rest = member.removeprefix(wheel.data).split("/", 1)
    include = "Include" if platform.windows else f"include/python{platform.python}"
    folders = {
        "purelib": SITE,
        "platlib": SITE,
        "scripts": "python-scripts",
        "headers": f"{include}/{wheel.name}",
    }
    return f"{folders[kind]}/{rest}" if kind in folders else rest


def _script(path: str, contents: bytes, platform: Platform) -> Entry:
    """A wheel's own script; `#!python` becomes the Python of the prefix."""
    if not contents.startswith(b"#!python") or platform.windows:
        return archive.from_bytes(path, contents, executable=True)
    _, rest = contents.split(b"\n", 1)
    contents = f"#!{archive.PLACEHOLDER}/bin/python\n".encode() + rest
    return archive.from_bytes(path, contents, executable=True, placeholder=archive.PLACEHOLDER)
