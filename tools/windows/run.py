"""Running programs of a Windows prefix under Wine, so that nothing stays behind."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tools import generations
from tools.errors import ToolError
from tools.windows import prefix, wine

TAG = "GFX_WINE_RUN"  # the environment variable by which the processes of a run are known
SYSTEM = "c:\\windows\\"  # Wine's own programs, which end with its server


class Program(subprocess.Popen[str]):
    """A program under Wine; `tag` is what it and all that it starts are known by."""

    def __init__(self, command: Sequence[str], tag: str, env: Mapping[str, str], cwd: Path | None):
        self.tag = tag
        pipe = subprocess.PIPE  # Windows Python does not start on other streams under Wine
        super().__init__(
            command,
            env={**env, TAG: tag},
            cwd=cwd,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
            encoding="utf-8",
            errors="replace",
        )


def python() -> Path:
    """python.exe of the prefix that is in use. Raises ToolError if there is none."""
    found = generations.active(prefix.NAME) / "python.exe"
    if not found.is_file():
        raise ToolError("there is no Windows prefix", "run: python dev.py test --windows")
    return found


@contextmanager
def started(
    arguments: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[Program]:
    """Windows Python with `arguments`, its output and errors in `stdout` and `stderr`.

    When the block ends every process that it left is killed.
    """
    program = python()
    given = wine.environment({**prefix.environment(program.parent), **(env or {})})
    with wine.drives():
        process = Program(
            [str(wine.PROGRAM), str(program), *arguments], uuid.uuid4().hex, given, cwd
        )
        try:
            yield process
        finally:
            process.kill()
            _end(process.tag)
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()


def run(
    arguments: Sequence[str],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run Windows Python with `arguments` to its end. Raises subprocess.TimeoutExpired."""
    with started(arguments, env, cwd) as process:
        out, err = process.communicate(timeout=timeout)
    return subprocess.CompletedProcess(list(arguments), process.returncode, out, err)


def _end(tag: str) -> None:
    """Kill every process of a run, those too that one starts meanwhile."""
    while others := left(tag):
        for other in others:
            with suppress(psutil.NoSuchProcess):
                other.kill()
        psutil.wait_procs(others)


def left(tag: str) -> list[psutil.Process]:
    """The processes of a run that have not ended."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = _environment(process).get(TAG) == tag and not _is_system(process.cmdline())
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _environment(process: psutil.Process) -> dict[str, str]:
    """Of a process that is just replacing its program Linux shows no arguments, and none of this.

    A thread of the kernel has neither for good, and no program.
    """
    while not process.cmdline() and process.exe():
        time.sleep(0)
    return process.environ()


def _is_system(command: list[str]) -> bool:
    program = command[0].lower() if command else ""
    return program.startswith(SYSTEM) or "wineserver" in program
