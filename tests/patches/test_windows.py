"""patches/windows.yaml names every place of the pinned vLLM that counts on Unix, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.patches import drift, unix_only
from tools import paths

ROWS: list[dict[str, Any]] = yaml.safe_load(
    (paths.PATCHES / "windows.yaml").read_text(encoding="utf-8")
)
KEYS = {"uses", "text", "in", "breaks", "handled_by", "why_not"}


def texts() -> dict[str, str]:
    """The Python files below vllm/ of the pinned source."""
    return drift.texts(drift.today())


def uses() -> set[tuple[str, str]]:
    """What only Unix has, and the file that uses it."""
    return drift.unix_uses(drift.today())


def _is_in(name: str, places: list[str]) -> bool:
    return any(name == p or (p.endswith("/") and name.startswith(p)) for p in places)


def _listed(row: dict[str, Any]) -> set[tuple[str, str]]:
    return {(u, n) for u, n in uses() if u in row.get("uses", ()) and _is_in(n, row["in"])}


def test_every_use_is_listed() -> None:
    rest = uses() - {use for row in ROWS for use in _listed(row)}
    assert not rest, "give each a row in patches/windows.yaml"


@pytest.mark.parametrize("row", ROWS, ids=lambda r: str(r.get("uses") or r["text"])[:40])
def test_a_row_is_of_use(row: dict[str, Any]) -> None:
    """It says who handles it or why nobody does, and each thing and place it names is there."""
    assert row.keys() <= KEYS and row["breaks"]
    assert ("handled_by" in row) != ("why_not" in row)
    assert ("uses" in row) != ("text" in row)
    for handler in row.get("handled_by", ()):
        assert (paths.ROOT / handler).is_file(), f"{handler} is not there"
    if text := row.get("text"):
        assert all(text in texts()[name] for name in row["in"])
    else:
        assert {u for u, _ in _listed(row)} == set(row["uses"])
        assert all(any(_is_in(n, [place]) for _, n in _listed(row)) for place in row["in"])


def test_every_patch_for_windows_is_named() -> None:
    named = {Path(handler) for row in ROWS for handler in row.get("handled_by", ())}
    texts = {path: path.read_text(encoding="utf-8") for path in paths.PATCHES.rglob("*.patch")}
    ours = {path.relative_to(paths.ROOT) for path in texts if "\nPlatform: win\n" in texts[path]}
    assert ours and ours <= named


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import os\nos.fork()", {"os.fork"}),
        ("from os import fork, path", {"os.fork"}),
        ("if x:\n  import fcntl", {"import fcntl"}),
        ("import json, pwd as p", {"import pwd"}),
        ("from resource import getrlimit", {"import resource"}),
        ("mp.get_context('fork')", {'get_context("fork")'}),
        ("mp.get_context('spawn')", set()),
        ("Popen(a, pass_fds=[3])", {"pass_fds="}),
        ("loop.add_signal_handler(2, f)", {"add_signal_handler"}),
        ("await asyncio.create_subprocess_exec('a')", {"create_subprocess_exec"}),
        ("x = f'ipc://{path}'", {"ipc://"}),
        ('"""Like os.fork or ipc://x"""\n# signal.SIGKILL', set()),
        ('def f():\n  """/dev/shm"""\n  return "/dev/shm"', {"/dev/"}),
        ("import signal, os\nos.kill(1, signal.SIGTERM)", set()),
    ],
)
def test_what_only_unix_has_is_found(text: str, expected: set[str]) -> None:
    assert unix_only.found(text) == expected
