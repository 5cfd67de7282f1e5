"""Rows of a benchmark that spilled say so, whenever it began to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from vllm_gfx.bench import child, engine, facts, gather
from vllm_gfx.bench.plan import Contestant
from vllm_gfx.bench.run import Outcome, _take
from vllm_gfx.vram import session

from tests.bench_engine import made_up

Seen = tuple[bool | None, str]
UNKNOWN: Seen = (None, "no counters")


@pytest.mark.parametrize(
    ("seen", "spill", "why"),
    [
        ([(False, ""), (False, "")], False, None),
        ([(False, ""), (True, "")], True, None),
        ([UNKNOWN, UNKNOWN], None, "no counters"),
    ],
)
def test_rows(
    seen: list[Seen], spill: bool | None, why: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`seen`: once when the engine is up, and again after the last measurement."""
    answers = iter(seen)
    config = SimpleNamespace(vllm_config=None)
    device = made_up.FACTS["device"]
    for module, name, answer in (
        (session, "observed", lambda: next(answers)),
        (facts, "device", lambda: device),
        (facts, "commit", lambda: "abc"),
        (facts, "versions", lambda: made_up.FACTS["versions"]),
        (engine, "start", lambda *_: config),
        (engine, "settings", lambda _: {"mode": "eager"}),
        (engine, "fitting", lambda *_: None),
        (child, "_all", lambda *_: [made_up.decode(50.0)]),
        (child.Sizes, "from_json", lambda _: SimpleNamespace(streams=[1])),
    ):
        monkeypatch.setattr(module, name, answer)
    monkeypatch.setattr("vllm_gfx.bench.measures.Bench", lambda *_: None)
    lines: list[dict[str, Any]] = []
    asked = {"sizes": {}, "ablated": None, "model": "m", "mode": "eager", "flags": []}
    child._measure({**asked, "spawned": 0, "commit": "", "benches": ["decode"]}, lines.append)
    outcome = Outcome(0, Contestant("gfx", "m"))
    for line in lines:
        _take(line, outcome, print)
    (row,) = gather.gather([outcome], "run", ["gfx"])
    assert row["spill"] is spill
    assert row["settings"].get("spill_unknown") == why
    assert row["settings"]["mode"] == "eager"
