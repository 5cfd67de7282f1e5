"""Windows Python as conda package `python`, in a channel of its own, laid out as on Windows."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sysconfig
import zipfile
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from rattler.index import index_fs

from tools.cache import sha256_of
from tools.standin import archive, pip, platforms
from tools.standin.archive import Entry
from tools.standin.interpreter import check
from tools.windows import native, rig

# Of the running Python's library: what is for this system only, or what no program imports.
LEFT_OUT = {"site-packages", "lib-dynload", "__pycache__", "test", "tests", "idlelib"}
LEFT_OUT_TOO = ("config-", "_sysconfigdata")


def ensure(progress: Callable[[str], None]) -> Path:
    """Make the channel unless it holds this package already; its folder.

    Raises ToolError if a wheel cannot be had or the running Python is of another version.
    """
    check(platforms.get("linux-64"))
    package = rig.CHANNEL / rig.PLATFORM / file_name()
    if not package.is_file():
        progress("putting Windows Python together")
        package.parent.mkdir(parents=True, exist_ok=True)
        for old in package.parent.glob("*.conda"):
            old.unlink()
        archive.write(package, _index(), _entries(progress), {})
        asyncio.run(index_fs(rig.CHANNEL, write_zst=False, write_shards=False))
    return rig.CHANNEL


def file_name() -> str:
    """Its build string changes with all that it is made of."""
    ours = sorted([*native.SOURCE.iterdir(), rig.TABLE, Path(__file__), Path(native.__file__)])
    made_of = [sysconfig.get_python_version(), *map(sha256_of, ours)]
    build = hashlib.sha256(" ".join(made_of).encode()).hexdigest()[:8]
    return f"python-{rig.python()}-rig_h{build}_0_cpython.conda"


def _index() -> dict[str, Any]:
    name, version, build = file_name().removesuffix(".conda").split("-", 2)
    major, minor, _ = version.split(".")
    abi = f"python_abi {major}.{minor}.* *_cp{major}{minor}"
    return {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": [],
        "constrains": [abi],
        "license": "PSF-2.0",
        "subdir": rig.PLATFORM,
        "timestamp": archive.EPOCH * 1000,
        "python_site_packages_path": platforms.get(rig.PLATFORM).site_packages,
    }


def _entries(progress: Callable[[str], None]) -> Iterator[Entry]:
    yield from _library()
    binaries = dict(_of_wheels(progress))
    rig.WORK.mkdir(parents=True, exist_ok=True)
    binaries["python.exe"] = native.python_exe(rig.WORK)
    binaries["python3.dll"] = native.python3_dll(rig.WORK, binaries["python311.dll"])
    for path, content in binaries.items():
        yield archive.from_bytes(path, content)


def _of_wheels(progress: Callable[[str], None]) -> Iterator[tuple[str, bytes]]:
    """Path in the prefix and content of every file that a wheel gives."""
    parts = rig.parts()
    files = pip.fetch([part.pin for part in parts], platforms.get(rig.PLATFORM), progress)
    for part in parts:
        with zipfile.ZipFile(files[part.pin.sha256]) as wheel:
            for member in wheel.namelist():
                folder, name = os.path.split(member)
                if folder + "/" == part.folder and (where := _place(name, part.files)):
                    yield os.path.normpath(f"{where}/{name}"), wheel.read(member)


def _place(name: str, files: dict[str, str | None]) -> str | None:
    return next((where for pattern, where in files.items() if fnmatchcase(name, pattern)), None)


def _library() -> Iterator[Entry]:
    """The standard library of the running Python, which is the same on Windows but for versions."""
    base = Path(sysconfig.get_path("stdlib"))
    for here, folders, files in os.walk(base):
        folders[:] = [f for f in folders if f not in LEFT_OUT and not f.startswith(LEFT_OUT_TOO)]
        for name in files:
            if not name.startswith(LEFT_OUT_TOO):
                file = Path(here, name)
                yield archive.from_bytes(f"Lib/{file.relative_to(base)}", file.read_bytes())
