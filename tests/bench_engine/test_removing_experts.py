"""Ablation of a mixture of experts, on a simulated card: upstream's second model runner.

The cpu target serves no experts, and runs the first model runner. Nothing is put back: each class
is removed in a process of its own, and more tokens than a decode's still meet the real layers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench_engine import removed
from tests.shims.amd import models, simulate

STEPS = 4  # decode steps after the prefill
# class -> calls of the real thing in those steps: one layer, and the head
DECODE = {
    "linear": 4 * STEPS,  # query, key and value; output; the gate; the head
    "attention": STEPS,
    "kv_write": STEPS,
    "norm": 3 * STEPS,
    "rope": STEPS,
    "moe": STEPS,
    "sampler": STEPS,
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    model = models.mixtral(tmp_path_factory.mktemp("mixtral"))
    script = Path(__file__).with_name("removing.py")
    done = simulate.python("gfx1100", str(script), str(model.checkpoint))
    assert done.returncode == 0, done.stderr[-4000:]
    return dict(json.loads(done.stdout))


def test_it_is_the_second_model_runner(found: dict[str, Any]) -> None:
    assert "vllm.v1.worker.gpu.model_runner" in found["runner"]


def test_experts_are_found(found: dict[str, Any]) -> None:
    layers = {"linear": 4, "attention": 1, "kv_write": 1, "norm": 3, "rope": 1, "moe": 1}
    # What stands between the experts' products is a part of them.
    assert found["removed"] == layers | {"activation": 0, "sampler": 1}


def test_counts_before_anything_is_removed(found: dict[str, Any]) -> None:
    removed.check_before(found, DECODE)


def test_a_removed_class_is_not_called_and_the_others_are(found: dict[str, Any]) -> None:
    removed.check_gone(found, DECODE)


def test_prefill_meets_the_real_experts(found: dict[str, Any]) -> None:
    assert removed.check_prefill(found)["moe prefill"] == 1


def test_the_engine_still_decodes(found: dict[str, Any]) -> None:
    assert found["one step"] == 1
