#!/usr/bin/env python3
"""Run a task of this repository where pixi is absent: `python dev.py TASK`.

Needs Python 3.11 or newer and pip. Makes `.venv` from tools/requirements.txt on first use and
whenever that file changes, then runs `python -m tools TASK` in it; `install BUNDLE` makes it from
the bundle, with no network. Tasks:

  build install rollback verify bundle smoke test serve bench doctor
  kernels lint fetch pin lock tables

`python dev.py TASK --help` says more about one of them.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from tools.become import become

ROOT = Path(__file__).resolve().parent
REQUIREMENTS = ROOT / "tools" / "requirements.txt"
VENV = ROOT / ".venv"
RETIRED = ROOT / ".venv.old"
WHEELS = ROOT / ".venv.wheels"  # of a bundle, while .venv is made of them
STAMP = VENV / "complete.txt"  # written last: a folder without it is a broken one
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def wanted() -> str:
    """What a finished .venv must have been made from."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    return f"{digest} {sys.version_info[:2]} {sys.base_prefix}\n"


def is_ready() -> bool:
    return PYTHON.exists() and STAMP.is_file() and STAMP.read_text("utf-8") == wanted()


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold the lock under which .venv is made; the system releases it if this process dies."""
    with (ROOT / ".venv.lock").open("a+b") as handle:
        if sys.platform == "win32":
            import msvcrt  # exists on Windows only

            handle.seek(0)
            while not _locked(lambda: msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)):
                pass
        else:
            import fcntl  # exists on POSIX only

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _locked(lock: Callable[[], None]) -> bool:
    """Whether Windows gave the lock; it waits ten seconds for it and then says EDEADLOCK."""
    try:
        lock()
    except OSError as error:
        if error.errno != errno.EDEADLOCK:
            raise
        return False
    return True


def bundle_in(arguments: list[str]) -> Path | None:
    """The bundle that `install` is asked for, if any: .venv can be made from it."""
    files = [Path(argument) for argument in arguments[1:] if arguments[0] == "install"]
    return next((file for file in files if file.is_file() and tarfile.is_tarfile(file)), None)


def unpack_wheels(bundle: Path) -> None:
    """Put the wheels of `bundle` into WHEELS. Raises ValueError if one is not as listed there."""
    shutil.rmtree(WHEELS, ignore_errors=True)
    WHEELS.mkdir()
    with tarfile.open(bundle) as archive:
        for member in archive:
            file = archive.extractfile(member)
            content = file.read() if file and member.name.startswith(("SHA256", "wheels/")) else b""
            if member.name == "SHA256SUMS":
                listed = set(content.decode().splitlines())
            elif member.name.startswith("wheels/"):
                if f"{hashlib.sha256(content).hexdigest()}  {member.name}" not in listed:
                    raise ValueError(f"{member.name} is damaged")
                (WHEELS / Path(member.name).name).write_bytes(content)


def make(bundle: Path | None = None) -> None:
    """Make .venv, from `bundle` alone if given; if that fails, put back the one that was there."""
    print("making .venv from tools/requirements.txt", file=sys.stderr, flush=True)
    if RETIRED.exists() and not STAMP.is_file():
        shutil.rmtree(VENV, ignore_errors=True)  # killed in the middle: the retired one is good
    elif VENV.exists():
        shutil.rmtree(RETIRED, ignore_errors=True)
        VENV.rename(RETIRED)
    try:
        venv.create(VENV, with_pip=True)
        pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        if bundle:
            unpack_wheels(bundle)
            pip += ["--no-index", "--find-links", str(WHEELS)]
        subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=True)
        STAMP.write_text(wanted(), encoding="utf-8")  # a path, maybe with a user's name
    except BaseException:
        shutil.rmtree(VENV, ignore_errors=True)
        if RETIRED.exists():
            RETIRED.rename(VENV)
        raise
    finally:
        shutil.rmtree(WHEELS, ignore_errors=True)
    shutil.rmtree(RETIRED, ignore_errors=True)


def ensure(bundle: Path | None = None) -> None:
    if is_ready():
        return
    with only_one():
        if not is_ready():
            make(bundle)


def run(arguments: list[str]) -> NoReturn:
    """Run `python -m tools` with the repository as working directory, from any folder."""
    environment = {"INIT_CWD": str(Path.cwd()), **os.environ}  # pixi sets the same variable
    environment["PYTHONUTF8"] = "1"  # what the tools read and print, in any console
    os.chdir(ROOT)
    become([str(PYTHON), "-m", "tools", *arguments], environment)


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - this file says so to an older one
        sys.exit("dev.py needs Python 3.11 or newer; this is " + sys.version.split()[0])
    if arguments in (["--help"], ["-h"]) and not is_ready():
        print(__doc__)
        return 0
    bundle = bundle_in(arguments)
    try:
        ensure(bundle)
    except subprocess.CalledProcessError:
        hint = "is the bundle for this Python and system?" if bundle else "is it online?"
        sys.exit(f"error: pip could not install tools/requirements.txt (see above); {hint}")
    except (ValueError, tarfile.TarError) as error:
        sys.exit(f"error: {bundle} is damaged: {error}; get the file again")
    except OSError as error:
        # Windows keeps the folder of a program that runs, such as a server started from here.
        hint = "; does a program still run from it?" if isinstance(error, PermissionError) else ""
        sys.exit(f"error: cannot make .venv: {error}{hint}")
    except KeyboardInterrupt:
        sys.exit("interrupted while making .venv; run it again to continue")
    run(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
