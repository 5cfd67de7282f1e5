"""The running Python as a package: it must work in any prefix, and a stub must say what it is."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import rattler

from tools.errors import ToolError
from tools.standin import ensure, interpreter, platforms, relocate
from tools.standin.pip import Pin
from tools.standin.platforms import Platform

MakeWheel = Callable[..., Path]
WriteLock = Callable[..., list[Pin]]
BASE = b"/opt/some/where/python"


def elf(run_path: bytes) -> bytes:
    return b"\x7fELF.." + b"\0" + run_path + b"\0" + b"tail"


@pytest.mark.parametrize(
    ("path", "run_path"),
    [
        ("bin/python3.11", b"$ORIGIN/../lib"),
        ("lib/libpython3.11.so.1.0", b"$ORIGIN"),
        ("lib/python3.11/lib-dynload/_ssl.so", b"$ORIGIN/../.."),
    ],
)
def test_a_run_path_becomes_relative_in_place(path: str, run_path: bytes) -> None:
    before = elf(BASE + b"/lib")
    after = relocate.relative_run_path(before, path, BASE)
    assert len(after) == len(before)
    assert after.split(b"\0")[1] == run_path
    assert after.endswith(b"\0tail")


def test_other_paths_in_a_binary_stay() -> None:
    contents = elf(BASE + b"/lib/python3.11") + elf(b"/usr/lib")
    assert relocate.relative_run_path(contents, "bin/python3.11", BASE) == contents


def test_a_prefix_too_short_for_a_relative_run_path_is_refused() -> None:
    with pytest.raises(ToolError, match=r"no room for a relative run path.*longer path"):
        relocate.relative_run_path(elf(b"/py/lib"), "bin/python3.11", b"/py")


def test_another_python_version_is_refused(
    linux: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 13, 1))
    with pytest.raises(
        ToolError, match=r"locked for Python 3\.11, this is 3\.13; run dev\.py with"
    ):
        interpreter.check(linux)


def test_on_windows_it_is_said_where_packages_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = platforms.get("win-64")
    interpreter.check(windows)  # made on Linux, for solves
    monkeypatch.setattr("sysconfig.get_platform", lambda: windows.sysconfig)
    with pytest.raises(ToolError, match=r"built on Linux.*; copy build/channel"):
        interpreter.check(windows)


def test_installed_it_runs_scripts_and_modules(
    tmp_path: Path, make_wheel: MakeWheel, write_lock: WriteLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Channel, solver, installer, and the result moved elsewhere: without this machine's Python."""
    files = {
        "small/__init__.py": b"import sys\ndef main(): print('main', sys.prefix)\n",
        "small-1.0.data/scripts/own": b"#!python\nimport small\nsmall.main()\n",
    }
    text = "[console_scripts]\nmade = small:main\n"
    write_lock(make_wheel("small", files=files, entry_points=text))
    ensure(tmp_path / "channel", "linux-64", print)
    prefix = tmp_path / "prefix"
    asyncio.run(_install(tmp_path / "channel", prefix))
    for script in ("made", "own"):
        assert _output(prefix / "bin" / script) == f"main {prefix}\n"
    imports = "import ssl, sqlite3, ctypes, bz2, lzma, sysconfig"
    purelib = _output(
        prefix / "bin/python", "-c", f"{imports}; print(sysconfig.get_path('purelib'))"
    )
    assert purelib == f"{prefix / 'lib/python3.11/site-packages'}\n"
    libdir = _output(
        prefix / "bin/python", "-c", f"{imports}; print(sysconfig.get_config_var('LIBDIR'))"
    )
    assert libdir.startswith(str(prefix) if sys.base_prefix != "/usr" else "/usr")
    moved = prefix.rename(tmp_path / "moved")
    assert _output(moved / "bin/python", "-c", "import small; small.main()") == f"main {moved}\n"
    maps = "print(*{l.split()[-1] for l in open('/proc/self/maps') if 'libpython' in l})"
    library = _output(moved / "bin/python", "-c", maps).strip()
    assert library == "" or library.startswith(str(moved))


async def _install(channel: Path, prefix: Path) -> None:
    records = await rattler.solve(
        sources=[channel.as_uri()],
        specs=["small", "python"],
        platforms=["linux-64", "noarch"],
        virtual_packages=[v.into_generic() for v in rattler.VirtualPackage.detect()],
    )
    cache = prefix.parent / "packages"
    await rattler.install(records, prefix, cache_dir=cache, show_progress=False)


def _output(*command: str | Path) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=clean).stdout
