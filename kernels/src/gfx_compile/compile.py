"""One object: run the compiler's commands, then hand over every result at once."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from gfx_compile import paths
from gfx_compile.errors import CompileError
from gfx_compile.toolchain import Toolchain

_ERROR = re.compile(r"(\S+?)[:(](\d+)[:)].*?((?:fatal )?error\b.*)|(.*\berror: .*)")


def compile_one(
    source: Path, gfx: str, tools: Toolchain, include: Path | None = None
) -> dict[str, bytes]:
    """What every step of `tools` wrote, by the step's name. Raises CompileError, in one line."""
    with tempfile.TemporaryDirectory(prefix="gfx_compile_") as folder:
        results = {name: str(Path(folder, name)) for name in tools.steps}
        # Names, not paths, where a compiler might repeat them in what it writes.
        values = {"gfx": gfx, "source": source.name, "include": str(include or paths.INCLUDE)}
        for step in tools.steps.values():
            words = [word.format(**values, **results) for word in step]
            _run([tools.binary, *words], source, gfx)
        return {name: Path(file).read_bytes() for name, file in results.items()}


def _run(command: list[str], source: Path, gfx: str) -> None:
    done = subprocess.run(command, cwd=source.parent, capture_output=True, text=True)
    if done.returncode:
        raise CompileError(f"{source.name} for {gfx}: {_reason(done.stderr + done.stdout)}")


def _reason(text: str) -> str:
    """The compiler's first error in one line, or all it said if none is recognised."""
    for found in map(_ERROR.match, text.splitlines()):
        if found:
            file, line, message, other = found.groups()
            return f"{Path(file).name}:{line}: {message}" if file else other
    return " ".join(text.split())[-300:] or "the compiler ended with no message"
