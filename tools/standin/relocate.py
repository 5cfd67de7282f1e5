"""The files of the running Python, changed so that they work in any prefix."""

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from tools.errors import ToolError
from tools.standin import archive
from tools.standin.archive import PLACEHOLDER, Entry
from tools.standin.platforms import Platform

LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idlelib", "turtledemo"}
# Text files that name the prefix they were built for and matter when something is compiled.
NAMES_PREFIX = ("_sysconfigdata", "Makefile")
# Debian's own Python looks into dist-packages instead of site-packages except in a virtual
# environment, which sysconfig.py recognises by this test; site.py does too, but is frozen into the
# interpreter, so sitecustomize.py makes up for it. EXTERNALLY-MANAGED would keep pip out.
DEBIAN_TEST = b'sys.base_prefix != sys.prefix or hasattr(sys, "real_prefix")'
DEBIAN_FILES = {"EXTERNALLY-MANAGED", "sitecustomize.py"}
SITE_PACKAGES = b"""\
import site, sys
site.addsitedir(f"{sys.prefix}/lib/python%d.%d/site-packages" % sys.version_info[:2])
"""


def entries(platform: Platform) -> Iterator[Entry]:
    """Every file of a `python` package: interpreter, standard library, headers."""
    base, name = Path(sys.base_prefix), f"python{platform.python}"
    yield _entry(base, Path("bin", name))
    for alias in ("python", "python3"):
        yield Entry(f"bin/{alias}", link=name)
    for library in sorted((base / "lib").glob("libpython*.so*")):
        yield _entry(base, library.relative_to(base))
    for folder in (Path("lib", name), Path("include", name)):
        for file in _walk(base / folder):
            yield _entry(base, file.relative_to(base))
    yield archive.from_bytes(f"{platform.site_packages}/README.txt", b"Modules of packages.\n")
    if "posix_local" in sysconfig.get_scheme_names():
        yield archive.from_bytes(f"lib/{name}/sitecustomize.py", SITE_PACKAGES)


def _walk(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - LEFT_OUT - {"__pycache__"})
        wanted = (name for name in sorted(set(files) - DEBIAN_FILES) if not name.endswith(".a"))
        yield from (Path(here, name) for name in wanted)


def _entry(base: Path, path: Path) -> Entry:
    source, name = base / path, path.as_posix()
    if source.is_symlink() and not source.readlink().is_absolute():
        return Entry(name, link=str(source.readlink()))
    executable = os.access(source, os.X_OK)
    contents = source.read_bytes()
    if contents.startswith(b"\x7fELF"):
        contents = relative_run_path(contents, name, os.fsencode(base))
    elif path.name == "sysconfig.py":
        contents = contents.replace(DEBIAN_TEST, b"True")
    elif path.name.startswith(NAMES_PREFIX) and base != Path("/usr"):  # /usr/bin/gcc stays
        contents = contents.replace(os.fsencode(base), PLACEHOLDER.encode())
        placeholder = PLACEHOLDER if PLACEHOLDER.encode() in contents else None
        return archive.from_bytes(name, contents, executable=executable, placeholder=placeholder)
    return archive.from_bytes(name, contents, executable=executable)


def relative_run_path(contents: bytes, path: str, base: bytes) -> bytes:
    """`contents` of the ELF file at `path` with the run path `base`/lib relative to the file.

    Overwritten in place, so raises ToolError if `base` is too short to hold the new one.
    """
    absolute = b"\0" + base + b"/lib\0"
    folders = path.split("/")[:-1]
    up = "/".join(["..", "lib"] if folders == ["bin"] else [".."] * (len(folders) - 1))
    relative = b"\0" + f"$ORIGIN/{up}".rstrip("/").encode()
    if absolute in contents and len(relative) >= len(absolute):
        raise ToolError(
            f"{path} of this Python has no room for a relative run path",
            "run dev.py with a Python installed in a longer path",
        )
    return contents.replace(absolute, relative.ljust(len(absolute), b"\0"))
