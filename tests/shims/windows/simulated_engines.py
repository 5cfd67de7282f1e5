"""A program for the simulated Windows: engines answer the same prompts, one after another.

`server` is `vllm serve`, which Ctrl-Break then stops; `own` and `same` are LLM() with the engine in
a process of its own and in this one; the others are in startup.py. Prints the answers of those that
the arguments name, as one line of JSON after MARK. In one process: importing vLLM costs most.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import psutil

from tests.gpu import expected
from tests.shims.windows import startup
from tests.support import tinylm
from tools.free_port import free_port

MARK = "ANSWERS "
PROMPTS = 3
SETTINGS = {"dtype": expected.DTYPE, "max_model_len": expected.MAX_LEN, "seed": 0}
GREEDY = {"temperature": 0.0, "max_tokens": expected.STEPS, "ignore_eos": True}
PATIENCE_SECONDS = 240  # a deadline for a busy machine


def ids() -> list[list[int]]:
    return expected.prompt_ids()[:PROMPTS]


def generate(own_process: bool) -> list[list[int]]:
    """What LLM() answers, with the engine in `own_process` or in this one."""
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = str(int(own_process))
    from vllm import LLM, SamplingParams

    engine = LLM(str(tinylm.copy(tinylm.ORIGINAL)), enable_prefix_caching=False, **SETTINGS)
    asked = [{"prompt_token_ids": row} for row in ids()]
    found = engine.generate(asked, SamplingParams(detokenize=False, **GREEDY), use_tqdm=False)
    tokens = [list(output.outputs[0].token_ids) for output in found]
    engine.llm_engine.engine_core.shutdown()
    return tokens


def serve() -> dict[str, Any]:
    """What `vllm serve` answers until it is told to end, and what it leaves behind."""
    from vllm.entrypoints.cli.main import main

    port = free_port()
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]
    model = str(tinylm.copy(tinylm.ORIGINAL))
    found: dict[str, Any] = {}
    client = threading.Thread(target=ask, args=(f"http://127.0.0.1:{port}", found))
    client.start()
    sys.argv = ["vllm", "serve", model, "--host=127.0.0.1", f"--port={port}", *flags]
    main()
    client.join()
    _, alive = psutil.wait_procs(engines(), timeout=PATIENCE_SECONDS)
    found["left"] = [child.pid for child in alive]
    return found


def engines() -> list[psutil.Process]:
    """The processes that multiprocessing spawned from this one."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def ask(url: str, found: dict[str, Any]) -> None:
    """Wait for the server, ask it, and press Ctrl-Break; the simulated signal is SIGUSR1."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while not _healthy(url) and time.monotonic() < deadline:
            time.sleep(0.2)
        asked = {"model": str(tinylm.copy(tinylm.ORIGINAL)), "return_token_ids": True, **GREEDY}
        asked["prompt"] = ids()
        answer = httpx.post(f"{url}/v1/completions", json=asked, timeout=PATIENCE_SECONDS)
        choices = sorted(answer.json()["choices"], key=lambda choice: choice["index"])
        found["tokens"] = [choice["token_ids"] for choice in choices]
    finally:
        os.kill(os.getpid(), signal.SIGUSR1)


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


ENGINES: dict[str, Callable[[], Any]] = {
    "server": serve,
    "own": lambda: generate(True),
    "same": lambda: generate(False),
    "dead": startup.dead_engine,
    "addresses": startup.addresses,
}

if __name__ == "__main__":
    answers = {name: ENGINES[name]() for name in list(sys.argv[1:])}
    from vllm_gfx import apply

    print(MARK + json.dumps({**answers, "active": apply.active()}))
