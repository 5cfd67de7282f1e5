"""Rows of results: what they say about the run, and reading them back."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gfx_bench.device import Device
from gfx_bench.runner import Outcome, Timed
from gfx_bench.timing import Spread

_ABOUT_CASE = ("case", "traffic_bytes", "contestants", "absent")


def about(op: str, device: Device, copy_gb_s: float, replays: int, at: str = "") -> dict[str, Any]:
    """What all rows of a run have in common; `at`: the commit, left empty in a checkout."""
    return {
        "op": op,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": at or commit(),
        **device.describe(),
        "copy_gb_s": round(copy_gb_s, 1),
        "replays": replays,
    }


def commit() -> str:
    """The checkout's commit, with a `+` if files differ from it; "unknown" outside one."""
    where = Path(__file__).resolve().parent
    try:
        head = _git(where, "rev-parse", "HEAD")
        return head + ("+" if _git(where, "status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(where: Path, *words: str) -> str:
    command = ["git", "-C", str(where), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def append(file: Path, row: dict[str, Any]) -> None:
    """One line of JSON at the end of `file`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(row) + "\n")


def read(file: Path, op: str) -> list[dict[str, Any]]:
    """The newest row of each case of `op` in `file`, in the file's order."""
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["op"] == op]
    return list({row["case"]: row for row in rows}.values())


def outcome(row: dict[str, Any]) -> Outcome:
    """What a row says, as it was when it was measured."""
    known = ("gb_s", "share_of_copy", "us")
    timed = [
        Timed(**{k: v for k, v in c.items() if k not in known}, us=Spread(**c["us"]))
        for c in row["contestants"]
    ]
    shape = {k: v for k, v in row.items() if k not in _ABOUT_CASE}
    return Outcome(shape, row["case"], row["traffic_bytes"], timed, row["absent"])


def outcomes(rows: Sequence[dict[str, Any]]) -> list[Outcome]:
    return [outcome(row) for row in rows]
