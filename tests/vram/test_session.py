"""An engine's session on fake counters: what is said, once, and what is refused."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from vllm_gfx import envs, preflight
from vllm_gfx.preflight import need
from vllm_gfx.refusal import Refusal
from vllm_gfx.vram import counters, session
from vllm_gfx.vram.counters import CannotRead
from vllm_gfx.vram.session import Session, Spilled
from vllm_gfx.vram.usage import Usage
from vllm_gfx.vram.watch import Limits

from tests.preflight.conftest import Checkpoint
from tests.preflight.test_need import configured
from tests.vram.fake_counters import GIB, MIB, PROCESSOR, Fake, on_card

TOTAL = 20 * GIB
FAILED = Limits().failed
Begin = Callable[..., Any]


class Logger:
    """Keeps its lines; vLLM's own changes its handlers when an engine is configured."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, line: str, *arguments: object) -> None:
        self.lines.append(line % arguments)

    info = warning


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    logger = Logger()
    monkeypatch.setattr(session, "logger", logger)
    return logger.lines


def _waits_for_ever(seconds: float) -> bool:
    return True  # woken to end: these tests look themselves


def _session(fake: Fake, refuses: bool = False) -> Session:
    return Session(fake, "remedy for {}".format, refuses, _waits_for_ever)


def test_a_spill_is_said_once_with_its_number(said: list[str]) -> None:
    big = on_card(int(2.8 * GIB))
    engine = _session(Fake([{}, on_card(100 * MIB), *[big] * 5]))
    engine.started(0)
    for _ in range(5):
        assert engine.look()
    (line,) = said
    assert "2.7 GiB of this engine's GPU memory are in system memory" in line
    assert "on the GPU 18.0 GiB, shared 2.8 GiB" in line
    assert line.endswith(f"; remedy for {int(2.8 * GIB) - 100 * MIB}")
    assert engine.most == int(2.8 * GIB) - 100 * MIB


def test_the_end_of_a_spill_is_said(said: list[str]) -> None:
    engine = _session(Fake([{}, on_card(0), *[on_card(GIB)] * 2, on_card(0)]))
    engine.started(0)
    for _ in range(3):
        engine.look()
    assert said[-1] == "GPU memory is back on the GPU (18.0 GiB of it in use)"
    assert len(said) == 2 and engine.most == GIB


def test_what_was_there_before_and_what_is_pinned_is_no_spill(said: list[str]) -> None:
    engine = _session(Fake([on_card(GIB, 0), on_card(3 * GIB)]))
    engine.started(2 * GIB)
    assert not said


def test_refusing_a_start_that_spills(said: list[str]) -> None:
    engine = _session(Fake([{}, on_card(3 * GIB)]), refuses=True)
    with pytest.raises(Spilled, match=r"3\.0 GiB of this engine's GPU memory.*; remedy for"):
        engine.started(0)


def test_refusing_requests_while_it_lasts(said: list[str]) -> None:
    engine = _session(Fake([{}, on_card(0), *[on_card(GIB)] * 2, on_card(0)]), refuses=True)
    engine.started(0)
    engine.refuse()
    engine.look()
    engine.refuse()
    engine.look()
    with pytest.raises(Spilled, match=r"1\.0 GiB"):
        engine.refuse()
    engine.look()
    engine.refuse()


def test_warning_refuses_nothing(said: list[str]) -> None:
    engine = _session(Fake([{}, on_card(3 * GIB)]))
    engine.started(0)
    engine.refuse()
    assert len(said) == 1


@pytest.mark.parametrize("nothing", [CannotRead("gone"), {}, {PROCESSOR: Usage(1, 2)}])
def test_a_reading_without_the_adapter_says_nothing(nothing: Any, said: list[str]) -> None:
    """It neither ends a spill, nor ends the watch while others come between."""
    spilled = on_card(GIB)
    failing = [nothing] * (FAILED - 1)
    fake = Fake([{}, on_card(0), *[spilled] * 2, *failing, spilled, *failing, on_card(0)])
    engine = _session(fake, refuses=True)
    engine.started(0)
    for _ in range(2 + len(failing) + 1 + len(failing)):
        assert engine.look()
    assert len(said) == 1 and not engine.unknown
    with pytest.raises(Spilled, match=r"1\.0 GiB"):
        engine.refuse()
    assert engine.look()
    engine.refuse()
    assert len(said) == 2


@pytest.mark.parametrize(
    ("nothing", "why"),
    [(CannotRead("gone"), "gone"), ({}, "Windows counts no GPU memory for this process")],
)
def test_counters_that_go_away(nothing: Any, why: str, said: list[str]) -> None:
    engine = _session(Fake([{}, on_card(0), nothing]))
    engine.started(0)
    assert [engine.look() for _ in range(FAILED + 1)] == [True] * (FAILED - 1) + [False] * 2
    assert said == [f"a spill of GPU memory is not noticed any more: {why}"], "once"
    assert engine.unknown == why
    engine.refuse()


@pytest.mark.parametrize("spilled", [0, GIB])
def test_refusing_what_nobody_can_tell(spilled: int, said: list[str]) -> None:
    engine = _session(Fake([{}, on_card(0), *[on_card(spilled)] * 2, CannotRead("gone")]), True)
    engine.started(0)
    for _ in range(2 + FAILED):
        engine.look()
    assert said[-1].endswith("not noticed any more: gone; no new requests are taken")
    line = "VLLM_GFX_ON_SPILL=refuse, but nothing tells of a spill any more: gone; restart, or "
    with pytest.raises(Spilled) as raised:
        engine.refuse()
    assert str(raised.value) == f"{line}unset VLLM_GFX_ON_SPILL"


@pytest.mark.parametrize("readings", [[{}, on_card(0)], [{}, {}], [CannotRead("none")]])
def test_counters_are_given_back(
    readings: list[Any], said: list[str], begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At an engine's end, and where it cannot be watched."""
    fake = Fake(readings)
    begin(fake=fake)
    session.started(lambda: 0)
    session.end(session._current)
    assert fake.closed == 1


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch, checkpoint: Checkpoint) -> Iterator[Begin]:
    """Begins the session of a 7B model, on fake counters: its configuration."""

    monkeypatch.setattr(session, "_unknown", "")  # put back afterwards

    def _begin(*readings: Any, fake: Fake | None = None, **settings: Any) -> Any:
        monkeypatch.setattr(counters, "here", lambda: fake or Fake(readings))
        asked = {"max_model_len": 32768, "gpu_memory_utilization": 0.9, **settings}
        config = configured(checkpoint(), **asked)
        session.begin(config, lambda: TOTAL)
        return config

    yield _begin
    session.end(session._current)


def _remedy(line: str) -> str:
    return line.partition("; ")[2]


def test_the_remedy_names_what_is_left(begin: Begin, said: list[str]) -> None:
    begin({}, on_card(int(0.7 * GIB)))
    session.started(lambda: 0)
    share = float(re.search(r"utilization ([\d.]+)", _remedy(said[0]))[1])  # type: ignore[index]
    assert share == 0.86 and share * TOTAL <= 0.9 * TOTAL - 0.7 * GIB
    assert _remedy(said[0]).startswith("end other programs on the GPU, or restart with --gpu-")
    assert "--max-model-len" not in said[0]


def test_with_less_memory_the_length_must_be_less_too(begin: Begin, said: list[str]) -> None:
    config = begin({}, on_card(3 * GIB))
    session.started(lambda: 0)
    found = re.search(r"utilization ([\d.]+) --max-model-len (\d+)", _remedy(said[0]))
    assert found is not None, said
    given, length = int(float(found[1]) * TOTAL), int(found[2])
    assert given <= 0.9 * TOTAL - 3 * GIB
    assert need.of(config).total(length) <= given < need.of(config).total(length + 1024)


def test_nothing_smaller_would_fit(begin: Begin, said: list[str]) -> None:
    begin({}, on_card(10 * GIB))
    session.started(lambda: 0)
    assert _remedy(said[0]).endswith("a smaller --max-num-batched-tokens and --max-num-seqs")


def test_the_remedy_for_bytes_asked_for(begin: Begin, said: list[str]) -> None:
    begin({}, on_card(GIB), kv_cache_memory_bytes=4 * GIB)
    session.started(lambda: 0)
    assert _remedy(said[0]).endswith(f"restart with --kv-cache-memory-bytes {3 * GIB}")


@pytest.mark.parametrize("spilled", [GIB, 3 * GIB])
def test_no_bytes_left_to_ask_for(spilled: int, begin: Begin, said: list[str]) -> None:
    begin({}, on_card(spilled), kv_cache_memory_bytes=GIB)
    session.started(lambda: 0)
    assert _remedy(said[0]).endswith("a smaller --max-num-batched-tokens and --max-num-seqs")


def test_an_engine_that_ends_late_leaves_the_next_one_s_session(begin: Begin) -> None:
    begin({}, on_card(0))
    first = session._current
    begin({}, on_card(0))
    session.end(first)
    assert session._current not in (None, first)


def test_observed(begin: Begin, said: list[str]) -> None:
    assert session.observed() == (False, ""), "no engine, or nothing to watch"
    begin({}, on_card(0), on_card(0), *[on_card(GIB)] * 2)
    session.started(lambda: 0)
    assert session.observed() == (False, "")
    session.observed()
    assert session.observed() == (True, "")


def test_observed_by_nobody(begin: Begin, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    begin(CannotRead("no counters"))
    assert session.observed() == (None, "no counters")
    line = "a spill of GPU memory to system memory would not be noticed: no counters"
    assert said == [line]
    session.started(lambda: 0)
    assert said == [line], "once"


def test_a_process_that_windows_does_not_count(begin: Begin, said: list[str]) -> None:
    begin({}, {})
    session.started(lambda: 0)
    assert session.observed() == (None, "Windows counts no GPU memory for this process")


@pytest.mark.parametrize("blind", [[CannotRead("no counters")], [{}, CannotRead("no counters")]])
def test_refusing_needs_counters(
    blind: list[Any], begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(envs.ON_SPILL, envs.REFUSE)
    with pytest.raises(Refusal, match="nothing tells of a spill here: no counters; unset it"):
        begin(*blind)
        session.started(lambda: 0)


@pytest.mark.parametrize("door", ["engine", "command"])
def test_an_unknown_value(door: str, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(envs.ON_SPILL, "abort")
    with pytest.raises(Refusal) as raised:
        begin({}, on_card(0)) if door == "engine" else preflight.check_machine()
    assert str(raised.value) == "VLLM_GFX_ON_SPILL=abort; set it to warn or refuse, or unset it"


def test_on_linux_there_is_nothing_to_watch(
    checkpoint: Checkpoint,
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No counter is opened, no thread started, even where refusing is asked for."""
    monkeypatch.setenv(envs.ON_SPILL, envs.REFUSE)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(counters, "Windows", lambda: 1 / 0)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    session.begin(configured(checkpoint(), max_model_len=1024), lambda: 1 // 0)
    session.started(lambda: 1 // 0)
    session.refuse()
    assert session.observed() == (False, "") and not said
    assert not [t for t in threading.enumerate() if t.name == "vllm-gfx vram"]
