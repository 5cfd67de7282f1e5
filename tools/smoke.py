"""`smoke`: from this checkout to generated text and a served request, inside a fresh prefix."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.table import Table

from tools import paths, prefix
from tools.console import Step, out, step
from tools.errors import ToolError
from tools.free_port import free_port
from tools.install import install
from tools.memory import Peak
from tools.trial import MODEL, PROMPT, environment, generate, inside

READY = 180  # seconds; what a loaded two-core machine may need
STOP = 30


def smoke(target: str | None) -> None:
    """Run every step; raises ToolError at the first that fails."""
    started = time.monotonic()
    with Peak() as peak:
        where = install(target)
        _doctor(where)
        _generate(where, where / MODEL)
        _serve(where, where / MODEL)
    memory = f", peak memory {peak.bytes / 2**30:.1f} GB" if peak.bytes else ""
    out.print(f"smoke passed in {time.monotonic() - started:.0f} s{memory}")


def _doctor(where: Path) -> None:
    with step("doctor") as current:
        found = json.loads(inside(where, "-m", "vllm_gfx.doctor", "--json"))
        current.done(f"built for {found['target']['built for']}")


def _generate(where: Path, model: Path) -> None:
    found = generate(where, model)
    out.print(f"{PROMPT}[bold]{found['text']}[/]")
    out.print(_report(found["report"]))


def _report(rows: list[dict[str, str]]) -> Table:
    """Which kernel ran: one line per implementation, however many layers it served."""
    served: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = (row["kind"], row["implementation"], row["reason"])
        served[key] = served.get(key, 0) + 1
    table = Table("kind", "implementation", "layers", "why", title="which kernel ran")
    for (kind, implementation, reason), count in served.items():
        table.add_row(kind, implementation, str(count), reason)
    return table


def _serve(where: Path, model: Path) -> None:
    with server(where, model) as url, step("one request over HTTP") as current:
        asked = {"model": "tinylm", "prompt": PROMPT, "max_tokens": 24, "temperature": 0}
        answer = post(f"{url}/v1/completions", asked)
        current.done(repr(answer["choices"][0]["text"]))


@contextmanager
def server(where: Path, model: Path) -> Iterator[str]:
    """`vllm-gfx serve` in the prefix; its address. Stopped by SIGTERM, which must end it with 0."""
    port = free_port()
    command = [str(prefix.program_of(where, "vllm-gfx")), "serve", str(model)]
    options = ["--port", str(port), "--served-model-name", "tinylm"]
    log = paths.BUILD / "logs" / "serve.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [*command, *options], env=environment(where), stdout=file, stderr=subprocess.STDOUT
        )
        try:
            with step("server ready") as current:
                _wait(process, f"http://127.0.0.1:{port}", log, current)
            yield f"http://127.0.0.1:{port}"
            with step("server stopped by SIGTERM"):
                process.send_signal(signal.SIGTERM)
                code = process.wait(STOP)
            if code:
                raise ToolError(f"the server ended with {code}", f"see {paths.shown(log)}")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path, current: Step) -> None:
    """Until /health answers. Raises ToolError if the server ends before, or takes too long."""
    until = time.monotonic() + READY
    while time.monotonic() < until:
        if process.poll() is not None:
            last = log.read_text("utf-8").strip().splitlines()[-1:]
            raise ToolError(f"the server did not start: {''.join(last)}", f"see {log}")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            current((log.read_text("utf-8").splitlines() or [""])[-1][:100])
            time.sleep(0.25)
    raise ToolError(f"the server was not ready after {READY} s", f"see {paths.shown(log)}")


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """The JSON answer to a JSON request."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return dict(json.load(answer))
