"""The selector takes more sockets than one select() call does, and says the same of them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from selectors import EVENT_READ, EVENT_WRITE

import pytest
from vllm_gfx.stand_ins import selector

PAIRS = 5


@pytest.fixture(params=[selector.MOST, PAIRS - 2, 1], ids=lambda most: f"{most} at once")
def pairs(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    monkeypatch.setattr(selector, "MOST", request.param)
    made = [socket.socketpair() for _ in range(PAIRS)]
    yield made
    for pair in made:
        for end in pair:
            end.close()


def _watching(pairs: list, events: int) -> selector.Selector:
    found = selector.Selector()
    for i, (end, _) in enumerate(pairs):
        found.register(end, events, i)
    return found


def _said(ready: list) -> list[tuple[int, int]]:
    return sorted((key.data, events) for key, events in ready)


def test_nothing_is_ready(pairs: list) -> None:
    started = time.monotonic()
    assert _watching(pairs, EVENT_READ).select(0.2) == []
    assert time.monotonic() - started >= 0.2
    assert _watching(pairs, EVENT_READ).select(0) == _watching(pairs, EVENT_READ).select(-1) == []


def test_what_is_ready(pairs: list) -> None:
    pairs[0][1].send(b"x")
    pairs[4][1].send(b"x")
    assert _said(_watching(pairs, EVENT_READ).select()) == [(0, EVENT_READ), (4, EVENT_READ)]
    both = EVENT_READ | EVENT_WRITE
    wanted = [(0, both), *((i, EVENT_WRITE) for i in (1, 2, 3)), (4, both)]
    assert _said(_watching(pairs, both).select()) == wanted


def test_it_waits(pairs: list) -> None:
    threading.Timer(0.2, pairs[3][1].send, (b"x",)).start()
    assert _said(_watching(pairs, EVENT_READ).select()) == [(3, EVENT_READ)]


def test_a_closed_end_is_readable(pairs: list) -> None:
    pairs[2][1].close()
    assert _said(_watching(pairs, EVENT_READ).select()) == [(2, EVENT_READ)]
