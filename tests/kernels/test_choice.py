"""What is asked for serves or raises; only the automatic choice falls back, and it says so once."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from gfx_kernels import choice
from gfx_kernels.choice import Implementation

FAST = Implementation("fast", lambda m: None if m <= 8 else f"{m} rows are more than 8")
SLOW = Implementation("slow", lambda m: None)
BOTH = (FAST, SLOW)
OP = "paged_attention"  # any op of the package


@pytest.fixture(autouse=True)
def unrecorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(choice, "_passed_over", {})
    monkeypatch.delenv("GFX_KERNELS_IMPLEMENTATION", raising=False)
    yield


def test_the_first_that_can_serves_and_nothing_is_recorded() -> None:
    assert choice.pick(OP, BOTH, 8) is FAST
    assert choice.record() == []


def test_a_fallback_is_recorded_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "gfx_kernels.choice")
    for _ in range(3):
        assert choice.pick(OP, BOTH, 9) is SLOW
    assert choice.record() == [(OP, "fast", "9 rows are more than 8")]
    assert caplog.messages == [f"{OP}: not fast: 9 rows are more than 8"]


def test_none_can_serve() -> None:
    with pytest.raises(ValueError, match=f"no implementation of {OP} serves.*fast: 9 rows"):
        choice.pick(OP, (FAST,), 9)
    assert choice.record() == []


@pytest.mark.parametrize("by_variable", [False, True])
def test_what_is_asked_for_never_falls_back(
    monkeypatch: pytest.MonkeyPatch, by_variable: bool
) -> None:
    def pick(name: str, m: int) -> Implementation:
        if not by_variable:
            return choice.pick(OP, BOTH, m, asked=name)
        monkeypatch.setenv("GFX_KERNELS_IMPLEMENTATION", f"w4a16_linear=x, {OP}={name}")
        return choice.pick(OP, BOTH, m)

    assert pick("slow", 1) is SLOW
    with pytest.raises(ValueError, match="fast was asked for and cannot serve this call: 9 rows"):
        pick("fast", 9)
    with pytest.raises(ValueError, match=f"{OP} has no implementation 'quick'; it has: fast, slow"):
        pick("quick", 1)
    assert choice.record() == []


def test_an_argument_comes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GFX_KERNELS_IMPLEMENTATION", f"{OP}=slow")
    assert choice.pick(OP, BOTH, 1, asked="fast") is FAST


@pytest.mark.parametrize("text", ["paged_attention", "paged_attention=", "paged_atention=fast"])
def test_a_mistake_in_the_variable_is_not_ignored(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("GFX_KERNELS_IMPLEMENTATION", text)
    with pytest.raises(ValueError, match=r"GFX_KERNELS_IMPLEMENTATION: .*is not <op>="):
        choice.pick(OP, BOTH, 1)
