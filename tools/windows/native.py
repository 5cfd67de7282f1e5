"""The three small binaries that Windows Python needs and no wheel has, compiled with zig."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.errors import ToolError

SOURCE = Path(__file__).with_name("source")
RANDOM_SOURCE = SOURCE / "bcryptprimitives.c"
ZIG = [sys.executable, "-m", "ziglang"]
COMPILE = ["cc", "-target", "x86_64-windows-gnu", "-O2", "-s", "-nostdlib"]
# What each one calls in which library; import libraries are made of it, so that no SDK is needed.
PROGRAM = {
    "python311": ["Py_Main"],
    "kernel32": ["GetCommandLineW", "ExitProcess"],
    "shell32": ["CommandLineToArgvW"],
}
RANDOM = {"advapi32": ["SystemFunction036"]}
EXPORTS = 112  # where the optional header of a 64-bit file has the table's address


def python_exe(folder: Path) -> bytes:
    """python.exe, which starts what python311.dll holds."""
    flags = ["-Wl,--entry=start", "-Wl,--subsystem,console"]
    return _compiled("python.c", "python.exe", folder, [*flags, *_imports(PROGRAM, folder)])


def python3_dll(folder: Path, python311: bytes) -> bytes:
    """python3.dll, by which modules of the stable ABI find `python311`, the library itself."""
    names = [name for name in exports(python311) if name.startswith(("Py", "_Py"))]
    table = _definition(folder, "python3", [f"{name}=python311.{name}" for name in names])
    return _compiled("python3.c", "python3.dll", folder, ["-shared", str(table)])


def bcryptprimitives_dll(folder: Path) -> bytes:
    """The library that Wine 8 lacks."""
    flags = ["-shared", *_imports(RANDOM, folder)]
    return _compiled(RANDOM_SOURCE.name, "bcryptprimitives.dll", folder, flags)


def exports(library: bytes) -> Iterator[str]:
    """The names that a 64-bit Windows library exports."""
    (header,) = struct.unpack_from("<I", library, 60)
    (count,) = struct.unpack_from("<H", library, header + 6)
    (optional,) = struct.unpack_from("<H", library, header + 20)
    (table,) = struct.unpack_from("<I", library, header + 24 + EXPORTS)
    start = header + 24 + optional
    sections = [struct.unpack_from("<4I", library, start + 40 * i + 8) for i in range(count)]

    def at(address: int) -> int:
        """Where in the file the memory at `address` lies."""
        offsets = (
            address - base + place
            for size, base, _, place in sections
            if base <= address < base + size
        )
        return int(next(offsets))

    number, names = struct.unpack_from("<I4xI", library, at(table) + 24)
    for i in range(number):
        (name,) = struct.unpack_from("<I", library, at(names) + 4 * i)
        yield library[at(name) : library.index(b"\0", at(name))].decode("ascii")


def _imports(libraries: dict[str, list[str]], folder: Path) -> list[str]:
    return [_import_library(name, symbols, folder) for name, symbols in libraries.items()]


def _import_library(name: str, symbols: list[str], folder: Path) -> str:
    out = folder / f"lib{name}.a"
    table = _definition(folder, name, symbols)
    _zig("dlltool", "-m", "i386:x86-64", "-d", str(table), "-l", str(out), "-D", f"{name}.dll")
    return str(out)


def _definition(folder: Path, name: str, exported: list[str]) -> Path:
    table = folder / f"{name}.def"
    table.write_text("\n".join([f"LIBRARY {name}.dll", "EXPORTS", *exported, ""]), encoding="utf-8")
    return table


def _compiled(source: str, name: str, folder: Path, flags: list[str]) -> bytes:
    _zig(*COMPILE, str(SOURCE / source), *flags, "-o", str(folder / name))
    return (folder / name).read_bytes()


def _zig(*arguments: str) -> None:
    done = subprocess.run([*ZIG, *arguments], capture_output=True, text=True)
    if done.returncode:
        first = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0]
        raise ToolError(f"zig {arguments[0]}: {first}", "is ziglang in .venv?")
