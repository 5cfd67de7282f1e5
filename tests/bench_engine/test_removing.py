"""Ablation removes what it names and nothing else; bytes a step are those counted by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench_engine import removed
from tests.support import tinylm

LAYERS, STEPS = 5, 4  # of the tiny model; decode steps after the prefill
# class -> calls of the real thing in those steps
DECODE = {
    "linear": (4 * LAYERS + 1) * STEPS,
    "attention": LAYERS * STEPS,
    "kv_write": LAYERS * STEPS,
    "norm": (2 * LAYERS + 1) * STEPS,
    "rope": LAYERS * STEPS,
    "activation": LAYERS * STEPS,
    "sampler": STEPS,
}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    script = Path(__file__).with_name("removing.py")
    command = [sys.executable, str(script), str(tinylm.copy("gptq-g128"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return dict(json.loads(done.stdout))


def test_counts_before_anything_is_removed(found: dict[str, Any]) -> None:
    removed.check_before(found, DECODE)


def test_every_class_is_found(found: dict[str, Any]) -> None:
    assert found["removed"] == {
        "linear": 4 * LAYERS + 1,
        "attention": LAYERS,
        "kv_write": LAYERS,
        "norm": 2 * LAYERS + 1,
        "rope": 1,  # which the layers share
        "activation": LAYERS,
        "moe": 0,
        "sampler": 1,
    }


def test_a_removed_class_is_not_called_and_the_others_are(found: dict[str, Any]) -> None:
    removed.check_gone(found, DECODE)


def test_prefill_stays_as_it_is(found: dict[str, Any]) -> None:
    assert removed.check_prefill(found)


def test_the_engine_still_decodes(found: dict[str, Any]) -> None:
    assert found["one step"] == 1


def test_bytes_of_weights_by_hand(found: dict[str, Any]) -> None:
    hidden, inner, qkv, heads, vocabulary = 256, 768, 1024, 512, 4096
    products = [(hidden, qkv), (heads, hidden), (hidden, 2 * inner), (inner, hidden)]
    layer = sum(k * n // 2 + k * n // 128 * 2 for k, n in products) + 2 * hidden * 2
    read = LAYERS * layer + hidden * 2 + vocabulary * hidden * 2
    assert found["weights_read"] == read
    rotary, scales = 2048 * 128 * 2, LAYERS * 4 * 4
    assert found["held"]["weights"] == read + rotary + scales


def test_bytes_of_the_cache_by_hand(found: dict[str, Any]) -> None:
    token = LAYERS * 2 * 2 * 128 * 2  # K and V, two heads of 128, two bytes
    assert found["cache_moved"] == [0, 100 * token]
    assert 0.99 < found["held"]["kv_cache"] / 2**30 <= 1.0  # the cpu target's default
