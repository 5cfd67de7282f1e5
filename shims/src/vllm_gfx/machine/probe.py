"""torch's view of the machine, asked in a process of its own: a driver may crash or hang it.

    python -m vllm_gfx.machine.probe

prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from vllm_gfx.machine import libraries, runtime, torch_view
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
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=seconds, env=env
        )
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


def main() -> None:
    view = torch_view.look(import_module("torch"), free=True)
    said = runtime.hip() if view.hip else {}
    found = {"torch": asdict(view), "runtime": said, "libraries": libraries.loaded()}
    print(_MARK + json.dumps(found))


if __name__ == "__main__":
    main()
