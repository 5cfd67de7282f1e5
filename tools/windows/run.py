"""Running programs of a Windows prefix under Wine, so that nothing stays behind."""

from __future__ import annotations

import subprocess
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


def python() -> Path:
    """python.exe of the prefix that is in use. Raises ToolError if there is none."""
    found = generations.active(prefix.NAME) / "python.exe"
    if not found.is_file():
        raise ToolError("there is no Windows prefix", "run: python dev.py test --windows")
    return found


@contextmanager
def started(
    arguments: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Windows Python with `arguments`, its output and errors in `stdout` and `stderr`.

    All three streams are pipes: Windows Python does not start on others under Wine. When the block
    ends every process that it left is killed.
    """
    program, tag = python(), uuid.uuid4().hex
    environment = {**prefix.environment(program.parent), TAG: tag, **(env or {})}
    with wine.drives():
        process = subprocess.Popen(
            [str(wine.PROGRAM), str(program), *arguments],
            env=wine.environment(environment),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        try:
            yield process
        finally:
            _end(tag)
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


def tag_of(process: subprocess.Popen[str]) -> str:
    """What the processes of the run that started `process` are known by."""
    return psutil.Process(process.pid).environ()[TAG]


def left(tag: str) -> list[psutil.Process]:
    """The processes of a run that have not ended."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(TAG) == tag and not _is_system(process.cmdline())
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def _is_system(command: list[str]) -> bool:
    program = command[0].lower() if command else ""
    return program.startswith(SYSTEM) or "wineserver" in program
