"""`bad_input.py MODEL TAKEN_PORT FREE_PORT`: what `vllm-gfx serve` says to what it cannot serve.

For each situation the exit code and the lines on standard error of a process of its own.
"""

from __future__ import annotations

import ctypes
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

assert sys.platform == "win32"  # for mypy too

PROGRAM = Path(sys.executable).parent / "Scripts" / "vllm-gfx.exe"
GENERIC_READ, OPEN_EXISTING, SHARE_NOTHING = 0x80000000, 3, 0
NO_DRIVE = "Q:"


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """As a program holds a file that nobody else may open meanwhile."""
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel32.CreateFileW.restype = ctypes.c_void_p
    mode = (GENERIC_READ, SHARE_NOTHING, None, OPEN_EXISTING, 0, None)
    handle = ctypes.c_void_p(kernel32.CreateFileW(str(file), *mode))
    assert handle.value != ctypes.c_void_p(-1).value, ctypes.get_last_error()
    try:
        yield
    finally:
        kernel32.CloseHandle(handle)


@contextmanager
def listening() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def serve(*argv: str) -> dict[str, Any]:
    ended = subprocess.run(
        [str(PROGRAM), "serve", *argv], stdin=subprocess.DEVNULL, capture_output=True,
        encoding="utf-8", timeout=120,
    )  # fmt: skip
    return {"code": ended.returncode, "said": ended.stderr.splitlines(), "out": ended.stdout}


def every(model: str, taken: str, free: str) -> dict[str, Any]:
    said: dict[str, Any] = {}
    at = ("--port", free)
    said["no drive"] = serve(rf"{NO_DRIVE}\models\tiny", *at)
    said["no drive, not from its root"] = serve(f"{NO_DRIVE}tiny", *at)
    said["no drive, long"] = serve(rf"\\?\{NO_DRIVE}\models\tiny", *at)
    said["no share"] = serve(r"\\nobody\nothing\tiny", *at)
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(model, Path(folder, "Modell für Müller"))
        for name in ("model.safetensors", "config.json"):
            with locked(copy / name):
                said[f"{name} is locked"] = serve(str(copy), *at)
        (copy / "model.safetensors").write_bytes(b"\0" * 100)
        said["cut"] = serve("\\\\?\\" + str(copy), *at)
    said["port of another system"] = serve(model, "--port", taken)
    with listening() as port:
        said["port"] = {**serve(model, "--port", str(port)), "port": port}
    return said


if __name__ == "__main__":
    print(json.dumps(every(*sys.argv[1:])))
