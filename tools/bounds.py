"""How long this repository's own tasks take, in fresh clones: `python -m tools.bounds`.

Each run clones the committed tree into a temporary folder and does there what a newcomer does. A
row per measurement goes to results/bounds.jsonl, with every value, so that the spread can be seen.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tools import paths

RESULTS = paths.ROOT / "results" / "bounds.jsonl"
# What is measured -> the bound: seconds, or GB of memory.
BOUNDS = {
    "smoke, warm cache": 240,
    "smoke, cold cache": 900,
    "smoke, peak memory (GB)": 6,
    "kernels, every AMD target": 60,
    "build, every target after smoke": 240,
    "build, nothing changed": 10,
    "solve": 2,
    "install": 30,
    "import vllm": 12,
    "server ready": 40,
}
# A line of smoke -> what we call it.
STEPS = {"solve": "solve", "install into": "install", "server ready": "server ready"}
IMPORTS = 5

Values = dict[str, list[float]]


def _timed(command: Sequence[str], folder: Path, env: dict[str, str]) -> tuple[float, str]:
    started = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.monotonic() - started, done.stdout + done.stderr


def _smoke(folder: Path, cold: bool, values: Values) -> None:
    """One clone: smoke, the kernels, the other packages, nothing to do, imports in its prefix."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", str(paths.ROOT), str(clone)], check=True)
    env = {k: v for k, v in os.environ.items() if k not in ("RATTLER_CACHE_DIR", "VLLM_GFX_TARGET")}
    if cold:
        env |= {"VLLM_GFX_CACHE": str(folder / "cache"), "PIP_NO_CACHE_DIR": "1"}
    task = [getattr(sys, "_base_executable", sys.executable), "dev.py"]
    seconds, said = _timed([*task, "smoke"], clone, env)
    values[f"smoke, {'cold' if cold else 'warm'} cache"].append(seconds)
    for line, name in STEPS.items():
        found = re.search(rf"^ok {line}.*\(([\d.]+) s\)$", said, re.MULTILINE)
        values[name].append(float(found[1]) if found else float("nan"))
    peak = re.search(r"peak memory ([\d.]+) GB", said)
    values["smoke, peak memory (GB)"].append(float(peak[1]) if peak else float("nan"))
    later = {
        "kernels, every AMD target": "kernels table",
        "build, every target after smoke": "build",
        "build, nothing changed": "build",
    }
    for name, words in later.items():
        values[name].append(_timed([*task, *words.split()], clone, env)[0])
    python = str(clone / "build/env/cpu/bin/python")
    for _ in range(IMPORTS):
        values["import vllm"].append(_timed([python, "-c", "import vllm"], clone, env)[0])


def _commit() -> str:
    asked = ["git", "rev-parse", "HEAD"]
    done = subprocess.run(asked, cwd=paths.ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _row(name: str, found: list[float], commit: str) -> dict[str, object]:
    return {
        "name": name,
        "median": round(statistics.median(found), 2),
        "values": [round(v, 2) for v in found],
        "bound": BOUNDS[name],
        "cores": os.cpu_count(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "commit": commit,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table, append the rows. Returns 1 if a median is over its bound."""
    parser = argparse.ArgumentParser(prog="python -m tools.bounds", description=__doc__)
    parser.add_argument("--warm", type=int, default=2, help="runs with a warm download cache")
    parser.add_argument("--cold", type=int, default=1, help="runs with empty caches")
    options = parser.parse_args(argv)
    values: Values = {name: [] for name in BOUNDS}
    for cold in [False] * options.warm + [True] * options.cold:
        with tempfile.TemporaryDirectory(prefix="vllm-gfx-") as folder:
            _smoke(Path(folder), cold, values)
    commit = _commit()
    rows = [_row(name, found, commit) for name, found in values.items() if found]
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    for row in rows:
        print(f"{row['name']:26} {row['median']:>7}  of {row['bound']:>4}   {row['values']}")
    return int(any(row["median"] > row["bound"] for row in rows))  # type: ignore[operator]


if __name__ == "__main__":
    sys.exit(main())
