"""Trying out a prefix: running its Python on what it must be able to do before it is used."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tools import paths, prefix
from tools.console import step
from tools.errors import ToolError

GENERATE = Path(__file__).with_name("inside") / "generate.py"
MODEL = Path("share/vllm-gfx-tinylm/fp")  # below the prefix
PROMPT = "The list is sorted by"


def environment(where: Path) -> dict[str, str]:
    """For trying things: nothing is read from or left in the user's own caches."""
    return prefix.environment(
        where,
        HF_HUB_OFFLINE="1",
        VLLM_CACHE_ROOT=str(paths.BUILD / "vllm-cache"),
        VLLM_NO_USAGE_STATS="1",
    )


def imports(where: Path) -> None:
    """The engine and the plug-in load. Raises ToolError if not."""
    with step("import vllm in the new prefix"):
        inside(where, "-c", "import vllm, vllm_gfx")


def generates(where: Path) -> None:
    """The engine loads and the tiny model of the prefix generates text. Raises ToolError if not."""
    imports(where)
    generate(where, where / MODEL)


def generate(where: Path, model: Path) -> dict[str, Any]:
    """What tools/inside/generate.py found with `model`. Raises ToolError if there was no text."""
    with step("generate text in process") as current:
        found = json.loads(inside(where, str(GENERATE), str(model), PROMPT).splitlines()[-1])
        current.done(f"{found['tokens']} tokens, load {found['seconds']['load']:.1f} s")
    if not found["text"].strip():
        raise ToolError("the model generated no text")
    return dict(found)


def inside(where: Path, *arguments: str) -> str:
    """Run the prefix's Python; its standard output. Raises ToolError with the end of the rest."""
    env = environment(where) | {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    command = [str(prefix.python_of(where)), *arguments]
    log = paths.BUILD / "logs" / "inside.log"
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=paths.BUILD)
    except OSError as error:
        raise ToolError(f"{command[0]} does not start: {error.strerror}") from None
    if done.returncode:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(done.stdout + done.stderr, encoding="utf-8")
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ToolError(f"{Path(arguments[0]).name}: {last}", f"see {paths.shown(log)}")
    return done.stdout


def nothing(where: Path) -> None:
    """For a machine that lacks what the prefix needs, such as the card."""
