"""What holds of any model that tests/bench_engine/removing.py has removed classes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vllm_gfx.bench.plan import CLASSES

AFTER_PREFILL = {"linear": 1, "sampler": 1}  # the head and the choice of the first token


def check_before(found: dict[str, Any], decode: Mapping[str, int]) -> None:
    """`decode`: by class, calls of the real thing in the steps after the prefill."""
    for name, calls in decode.items():
        assert found["before"][f"{name} decode"] == calls + AFTER_PREFILL.get(name, 0), name


def check_gone(found: dict[str, Any], decode: Mapping[str, int]) -> None:
    """A removed class is not called, and the others are."""
    gone: list[str] = []
    for name in CLASSES:  # one after the other, so the earlier ones stay removed
        gone.append(name)
        calls = found["after"][name]
        for other in decode:
            assert (f"{other} decode" in calls) == (other not in gone), (name, other)


def check_prefill(found: dict[str, Any]) -> dict[str, int]:
    """The calls of a prefill, which stay as they are."""
    before = {k: n for k, n in found["before"].items() if k.endswith("prefill")}
    for name in CLASSES:
        calls = found["after"][name]
        assert {k: n for k, n in calls.items() if k.endswith("prefill")} == before, name
    return before
