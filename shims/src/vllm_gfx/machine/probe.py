"""torch's view of the machine, asked in a process of its own: a driver may crash or hang it.

    python -m vllm_gfx.machine.probe

prints one line of JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from vllm_gfx.machine import libraries, torch_view
from vllm_gfx.machine.torch_view import Device, TorchView

COMMAND = (sys.executable, "-m", "vllm_gfx.machine.probe")
SECONDS = 120  # for importing torch from a cold disk and starting a GPU
_MARK = "vllm-gfx probe: "  # libraries print, too


class ProbeFailed(RuntimeError):
    """The other process did not answer; says how it ended."""


@dataclass(frozen=True)
class Answer:
    """`runtime`: what the HIP library says of itself; `libraries`: the files that were loaded."""

    torch: TorchView
    runtime: dict[str, str]
    libraries: list[str]


def ask(command: Sequence[str] = COMMAND, seconds: float = SECONDS) -> Answer:
    """Run the probe. Raises ProbeFailed if it ends or hangs without an answer."""
    package = str(Path(__file__).resolve().parents[2])  # it may have been run as a file
    paths = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), package)))
    env = {**os.environ, "PYTHONPATH": paths}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=env)
    except subprocess.TimeoutExpired:
        raise ProbeFailed(f"torch did not answer within {seconds:g} s") from None
    for line in done.stdout.splitlines():
        if line.startswith(_MARK):
            return _answer(json.loads(line.removeprefix(_MARK)))
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    ended = f"was ended by signal {-done.returncode}" if done.returncode < 0 else "failed"
    raise ProbeFailed(f"importing torch and asking for its devices {ended}: {last}")


def _answer(found: dict[str, Any]) -> Answer:
    devices = tuple(Device(**device) for device in found["torch"].pop("devices"))
    view = TorchView(**found["torch"], devices=devices)
    return Answer(view, found["runtime"], found["libraries"])


def _runtime() -> dict[str, str]:
    """The HIP library of this process: its file's versions, and how it starts."""
    find = import_module("gfx_kernels.runtime.library").find
    errors = import_module("gfx_kernels.runtime.errors")
    try:
        library = find(import_module("gfx_kernels.runtime.hip").Hip.NAMES)
    except errors.NoRuntime as error:
        return {"HIP runtime": str(error)}
    code = library.hipInit(0)
    library.hipGetErrorString.restype = ctypes.c_char_p
    said = library.hipGetErrorString(code) or b"unknown"
    versions = {
        f"HIP {what.lower()}": _version(library, f"hip{what}GetVersion")
        for what in ("Runtime", "Driver")
    }
    return {**versions, "hipInit": "0" if code == 0 else f"{said.decode()} ({code})"}


def _version(library: ctypes.CDLL, function: str) -> str:
    """`7.15.26333` of the number 71526333."""
    value = ctypes.c_int()
    code = getattr(library, function)(ctypes.byref(value))
    number = value.value
    return (
        f"error {code}" if code else f"{number // 10**7}.{number // 10**5 % 100}.{number % 10**5}"
    )


def main() -> None:
    view = torch_view.look(import_module("torch"), free=True)
    runtime = _runtime() if view.hip else {}
    found = {"torch": asdict(view), "runtime": runtime, "libraries": libraries.loaded()}
    print(_MARK + json.dumps(found))


if __name__ == "__main__":
    main()
