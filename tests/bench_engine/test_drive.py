"""When tokens came: rates from a timeline, by hand, and from an engine with a clock of its own."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from vllm_gfx.bench import drive

# Submitted at 10 s. The second stream's first token comes when the first has two.
TWO = drive.Timeline(10.0, [[11.0, 12.0, 13.0, 14.0, 14.1], [12.0, 13.5, 15.0, 15.1]])


def test_first_token() -> None:
    assert TWO.first == 1.0


def test_per_token_leaves_out_the_prefill_and_the_last() -> None:
    assert TWO.per_token() == [1.0, 1.5]


def test_decode_rate_counts_while_all_decode() -> None:
    assert TWO.decode_rate() == 3 / 2  # at 13, 13.5 and 14, in the two seconds after 12


def test_streams_that_never_meet_have_no_rate() -> None:
    with pytest.raises(RuntimeError, match="never decode all at once"):
        drive.Timeline(0.0, [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]).decode_rate()


def test_whole_rate_counts_the_prefill() -> None:
    assert TWO.whole_rate() == pytest.approx(9 / 5.1)


def test_prompts_differ_by_seed_and_stay_in_the_vocabulary() -> None:
    assert drive.prompt(64, 50, 1) == drive.prompt(64, 50, 1) != drive.prompt(64, 50, 2)
    assert max(drive.prompt(500, 50, 1)) < 50
    assert max(drive.prompt(500, 200_000, 1)) < 10_000


class Engine:
    """Prefills for two ticks, then gives each stream one token a tick; a tick is a second."""

    vllm_config = SimpleNamespace(model_config=SimpleNamespace(max_model_len=64))

    def __init__(self, most: int = 99) -> None:
        self.now, self.most = 0.0, most
        self.left: dict[str, int] = {}
        self.given: dict[str, int] = {}
        self.aborted: list[str] = []

    def add_request(self, name: str, prompt: dict[str, Any], params: Any) -> None:
        assert params.ignore_eos and params.temperature == 0.0
        self.left[name] = min(params.max_tokens, self.most)
        self.given[name] = -2  # two ticks without a token

    def has_unfinished_requests(self) -> bool:
        return bool(self.left)

    def abort_request(self, names: list[str]) -> None:
        self.aborted += names
        for name in names:
            self.left.pop(name, None)

    def step(self) -> list[Any]:
        self.now += 1.0
        outputs = []
        for name in list(self.left):
            self.given[name] += 1
            if self.given[name] > 0:
                outputs.append(SimpleNamespace(request_id=name, outputs=[_ONE]))
            if self.given[name] == self.left[name]:
                del self.left[name]
        return outputs


_ONE = SimpleNamespace(token_ids=[7])


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    made = Engine()
    monkeypatch.setattr(time, "perf_counter", lambda: made.now)
    return made


def test_an_engine_is_driven_token_by_token(engine: Engine) -> None:
    found = drive.run(engine, [[1, 2], [3]], 4)
    assert found.first == 3.0
    assert found.arrivals == [[3.0, 4.0, 5.0, 6.0]] * 2
    assert found.decode_rate() == 2.0


def test_a_stream_that_ends_early_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="3 tokens instead of 4"):
        drive.run(Engine(most=3), [[1]], 4)


def test_decoding_is_past_the_prefill_and_cleans_up() -> None:
    engine = Engine()
    with drive.decoding(engine, [1, 2, 3], ahead=4) as step:
        assert engine.given and min(engine.given.values()) == 5
        assert len(step()) == 1
    assert engine.aborted and not engine.left
