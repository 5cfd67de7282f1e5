"""The Python that runs this, as conda packages `python` and `python_abi`.

It links this machine's own libraries (libssl, libffi, ...), so the package is for machines like
this one only: a stand-in for conda-forge's python, nothing to publish.
"""

import hashlib
import json
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.errors import ToolError
from tools.standin import archive
from tools.standin.archive import Entry
from tools.standin.platforms import Platform

INTERPRETER = 1  # changes whenever the same Python would become other bytes
PLACEHOLDER = "/opt/" + "prefix_placeholder_" * 12  # long: text files hold it at any length
LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idlelib", "turtledemo"}


def check(platform: Platform) -> None:
    """Raise ToolError unless the running Python can stand in on `platform`."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version != platform.python:
        raise ToolError(
            f"the stand-in channel is locked for Python {platform.python}, this is {version}",
            f"run dev.py with python{platform.python}",
        )
    if "posix_local" in sysconfig.get_scheme_names():
        raise ToolError(
            f"{sys.base_prefix}/bin/python is Debian's own Python, which cannot be relocated",
            "run dev.py with another Python (pyenv, uv, python.org, a container image)",
        )


def file_names(platform: Platform) -> tuple[str, str]:
    """File names of the `python` and `python_abi` packages; they change with the interpreter."""
    binary = Path(sys.executable).resolve().stat()
    key = [INTERPRETER, sys.version, sys.base_prefix, binary.st_size, binary.st_mtime_ns]
    build = hashlib.sha256(repr(key).encode()).hexdigest()[:8]
    version = "{}.{}.{}".format(*sys.version_info)
    tag = f"cp{platform.python.replace('.', '')}"
    return (
        f"python-{version}-standin_h{build}_0_cpython.conda",
        f"python_abi-{platform.python}-0_{tag}.conda",
    )


def write(folder: Path, platform: Platform) -> None:
    """Write both packages into `folder`, the channel's folder of `platform`."""
    python, abi = file_names(platform)
    runs = {"noarch": ["python"], "weak": [_abi_spec(platform)]}
    info = {"run_exports.json": json.dumps(runs).encode()}
    index = _index(python, platform, license="PSF-2.0", constrains=[_abi_spec(platform)])
    index["python_site_packages_path"] = platform.site_packages
    archive.write(folder / python, index, _entries(platform), info)
    depends = [f"python {platform.python}.*"]
    archive.write(folder / abi, _index(abi, platform, constrains=depends), [], {})


def _abi_spec(platform: Platform) -> str:
    return f"python_abi {platform.python}.* *_cp{platform.python.replace('.', '')}"


def _index(name: str, platform: Platform, **rest: Any) -> dict[str, Any]:
    package, version, build = name.removesuffix(".conda").split("-", 2)
    return {
        "name": package,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": [],
        "subdir": platform.name,
        "arch": "x86_64",
        "platform": platform.name.split("-")[0],
        "timestamp": archive.EPOCH * 1000,
        **rest,
    }


def _entries(platform: Platform) -> Iterator[Entry]:
    base = Path(sys.base_prefix)
    name = f"python{platform.python}"
    yield _entry(base / "bin" / name, f"bin/{name}")
    for alias in ("python", "python3"):
        yield Entry(f"bin/{alias}", link=name)
    for library in sorted((base / "lib").glob("libpython*.so*")):
        yield _entry(library, f"lib/{library.name}")
    for folder in (Path("lib", name), Path("include", name)):
        for file in _walk(base / folder):
            yield _entry(file, str(file.relative_to(base)))
    yield archive.from_bytes(f"{platform.site_packages}/README.txt", b"Modules of packages.\n")


def _walk(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - LEFT_OUT - {"__pycache__"})
        yield from (Path(here, file) for file in sorted(files) if not file.endswith(".a"))


def _entry(source: Path, path: str) -> Entry:
    if source.is_symlink():
        return Entry(path, link=str(source.readlink()))
    executable = os.access(source, os.X_OK)
    contents = source.read_bytes()
    old = os.fsencode(sys.base_prefix)
    if contents.startswith(b"\x7fELF"):
        return archive.from_bytes(path, _relative_rpath(contents, path, old), executable=executable)
    if old in contents and b"\0" not in contents:
        text = contents.replace(old, PLACEHOLDER.encode())
        return archive.from_bytes(path, text, executable=executable, placeholder=PLACEHOLDER)
    return archive.from_bytes(path, contents, executable=executable)


def _relative_rpath(contents: bytes, path: str, old: bytes) -> bytes:
    """The run path to the old prefix's lib, overwritten in place by one relative to the file."""
    absolute = b"\0" + old + b"/lib\0"
    up = "/".join([".."] * (path.count("/") - 1)) if path.startswith("lib/") else "../lib"
    relative = b"\0" + f"$ORIGIN/{up}".rstrip("/").encode()
    if absolute in contents and len(relative) >= len(absolute):
        raise ToolError(f"{path}: no room for a relative run path", "use a Python in a longer path")
    return contents.replace(absolute, relative.ljust(len(absolute), b"\0"))
