"""The command `python -m vllm_gfx.bench`: measures, prints a table, writes the rows."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from vllm_gfx.bench import gather, options, rows, run, table
from vllm_gfx.refusal import Refusal

FAILED = 1


def main(argv: Sequence[str]) -> int:
    """Measure as `argv` says and write the rows. Returns 1 if a contestant died; raises Refusal."""
    asked, made = options.parsed(argv)
    _check_writable(asked.rows)
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    logs = asked.logs or Path(tempfile.mkdtemp(prefix="vllm-gfx-bench-"))
    logs.mkdir(parents=True, exist_ok=True)
    before = signal.signal(signal.SIGTERM, _terminated)
    done: list[run.Outcome] = []
    try:
        run.run(made, logs, done, _say)
    finally:  # stopped or not, what was measured is written
        signal.signal(signal.SIGTERM, before)
        _write(asked.rows, gather.gather(done, stamp, [run.name(o.contestant) for o in done]))
    failed = any(outcome.error for outcome in done)
    if failed:
        _say(f"what the processes printed is in {logs}")
    elif not asked.logs:
        shutil.rmtree(logs)
    return FAILED if failed else 0


def _write(path: Path, found: list[dict[str, Any]]) -> None:
    rows.write(path, found)
    print(table.table(found))
    _say(f"{len(found)} rows in {path}")


def _check_writable(path: Path) -> None:
    """Before anything is measured. Leaves no file where there was none."""
    new = not path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        raise Refusal(f"--rows {path}: {error.strerror}", "name a file in a folder") from error
    if new:
        path.unlink()


def _terminated(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
