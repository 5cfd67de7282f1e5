"""The whole thing on the tiny model: one process, every measurement, rows that make sense."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from vllm_gfx.bench import child, cli, engine, facts, plan, rows
from vllm_gfx.bench.ablate import Absent
from vllm_gfx.refusal import Refusal

from tests.support import fresh, tinylm

PROMPT, TOKENS, REPEATS = 24, 6, 2


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """A row of every bench."""
    flags = (
        f"--runs 1 --repeats {REPEATS} --prompt {PROMPT} --tokens {TOKENS} --streams 1,4 "
        "--prompts 16,100 --load-format dummy --max-model-len 512 --max-num-seqs 4"
    ).split()
    folder = tmp_path_factory.mktemp("bench")
    where = ["--rows", str(folder / "rows.jsonl"), "--caches", str(folder / "caches")]
    command = [_shapes(folder), *flags, *where, "--mode", "eager", "--commit", "abc"]
    assert cli.main(command) == 0
    return rows.read(folder / "rows.jsonl")


def _shapes(folder: Path) -> str:
    """Geometry only: random weights, no tokenizer."""
    model = folder / "shapes"
    model.mkdir()
    config = (tinylm.copy("gptq-g128") / "config.json").read_text(encoding="utf-8")
    (model / "config.json").write_text(config, encoding="utf-8")
    return str(model)


@pytest.fixture(scope="module")
def ablated(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and the rows, of an invocation that leaves out what the model lacks, too."""
    folder = tmp_path_factory.mktemp("ablated")
    sizes = f"--runs 1 --repeats 1 --prompt {PROMPT} --tokens {TOKENS} --streams 1"
    flags = f"{sizes} --max-model-len 128 --max-num-seqs 1 --load-format dummy --mode eager"
    asked = [*flags.split(), "--only", "decode", "--ablate", "linear,moe"]
    where = ["--rows", str(folder / "rows.jsonl"), "--logs", str(folder / "logs")]
    code = cli.main([_shapes(folder), *asked, *where])
    return code, rows.read(folder / "rows.jsonl")


Ablated = tuple[int, list[dict[str, Any]]]


def test_a_child_decodes_without_a_class(ablated: Ablated) -> None:
    (saved,) = (r for r in ablated[1] if r["bench"] == "ablate" and r["value"] is not None)
    (whole,) = _of(ablated[1], "decode")
    of = {"prompt": PROMPT, "tokens": TOKENS, "streams": 1}
    assert (whole["parameters"], saved["parameters"]) == (of, {**of, "without": "linear"})
    assert len(saved["samples"]) == len(whole["samples"]) == 1


def test_a_class_that_was_named_and_is_absent_fails_alone(ablated: Ablated) -> None:
    code, found = ablated
    (dead,) = (r for r in found if r["value"] is None)
    said = "the model has no kernels of class moe; leave it out of --ablate"
    assert (code, dead["error"], dead["parameters"]) == (cli.FAILED, said, {"without": "moe"})
    assert len(found) == 3


def _of(found: list[dict[str, Any]], bench: str, metric: str = "") -> list[dict[str, Any]]:
    return [r for r in found if (r["bench"], r["metric"]) == (bench, metric or bench)]


def test_every_bench_has_rows(found: list[dict[str, Any]]) -> None:
    assert {row["bench"] for row in found} == set(plan.MEASURED)


def test_rows_say_what_ran_and_where(found: list[dict[str, Any]]) -> None:
    for row in found:
        assert row["subject"] == "shapes" and row["contestant"] == "gfx"
        assert row["served_by"]["linear"] == {"GfxW4A16LinearKernel": 20, "torch": 1}
        assert row["settings"]["attention"] == "TORCH_PAGED"
        assert (row["settings"]["mode"], row["settings"]["max_model_len"]) == ("eager", 512)
        assert row["device"]["gfx"] == "cpu" and row["device"]["copy_gb_s"] > 0.1
        assert row["commit"] == "abc"
        assert row["versions"]["vllm"] and row["versions"]["torch"]


def test_sizes_are_those_asked_for(found: list[dict[str, Any]]) -> None:
    (decode,) = _of(found, "decode")
    assert decode["parameters"] == {"prompt": PROMPT, "tokens": TOKENS, "streams": 1}
    assert len(decode["samples"]) == REPEATS
    assert [r["parameters"]["prompt"] for r in _of(found, "ttft")] == [16, 100]
    for bench in ("tpot", "throughput"):
        assert [r["parameters"]["streams"] for r in _of(found, bench)] == [1, 4]


def test_one_stream_is_the_same_thing_said_twice(found: list[dict[str, Any]]) -> None:
    one_token = _of(found, "tpot")[0]["samples"]
    rate = _of(found, "throughput")[0]["samples"]
    assert [math.isclose(a * b, 1.0) for a, b in zip(one_token, rate, strict=True)] == [True, True]


def test_step_and_roofline_follow_from_decode(found: list[dict[str, Any]]) -> None:
    (decode,), (step,), (share,) = (_of(found, b) for b in ("decode", "step", "roofline"))
    (ceiling,) = _of(found, "roofline", "ceiling")
    assert step["samples"] == pytest.approx([1e3 / rate for rate in decode["samples"]])
    assert share["samples"] == pytest.approx([r / ceiling["value"] for r in decode["samples"]])
    seconds = share["parameters"]["bytes"] / share["device"]["copy_gb_s"] / 1e9
    assert ceiling["value"] == pytest.approx(1 / seconds)


def test_the_start_was_cold(found: list[dict[str, Any]]) -> None:
    (start,) = _of(found, "startup")
    assert start["cold"] is True and start["value"] > 1.0
    assert start["parameters"] == child.STARTUP


def test_a_start_includes_what_torch_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what measures the device is not a part of it."""
    now = 100.0

    def takes(seconds: float, answer: Any = None) -> Any:
        def call(*_: Any) -> Any:
            nonlocal now
            now += seconds
            return answer

        return call

    seen: list[float] = []
    config = SimpleNamespace(vllm_config=None)
    for module, name, stand_in in (
        (child.time, "time", lambda: now),
        (facts, "ready", takes(5.0)),
        (facts, "device", takes(20.0, {})),
        (engine, "start", takes(10.0, config)),
        (engine, "fitting", lambda *_: None),
        (child, "_facts", lambda *_: {"settings": {}}),
        (child, "_spill", lambda _: {}),
        (child, "_all", lambda _benches, _bench, ready, *_: seen.append(ready) or []),
        (child.Sizes, "from_json", lambda _: None),
    ):
        monkeypatch.setattr(module, name, stand_in)
    monkeypatch.setattr("vllm_gfx.bench.measures.Bench", lambda *_: None)
    asked = {"sizes": {}, "ablated": "", "model": "m", "mode": "eager", "flags": []}
    more = {"spawned": 97.0, "commit": "abc", "benches": []}
    child._measure(asked | more, lambda _: None)
    assert seen == [3.0 + 5.0 + 10.0]


def test_torch_is_imported_before_the_device_is_measured() -> None:
    code = "import sys; from vllm_gfx.bench import facts; before = 'torch' in sys.modules\n"
    code += "facts.ready(); print(before, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_the_context_is_made_before_the_device_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "empty", lambda *_, device: made.append(device))
    facts.ready()
    assert made == ["cuda"]


def test_memory_and_capacity(found: list[dict[str, Any]]) -> None:
    peak, weights, cache = (_of(found, "memory", m)[0] for m in ("peak", "weights", "kv_cache"))
    assert peak["value"] > weights["value"] + 1e6
    assert (cache["better"], cache["best"]) == ("neither", None)
    (capacity,) = _of(found, "kv_capacity")
    assert capacity["value"] == pytest.approx(cache["value"] / (5 * 2 * 2 * 128 * 2), rel=0.01)


CONFIG = SimpleNamespace(
    model_config=SimpleNamespace(max_model_len=512),
    scheduler_config=SimpleNamespace(max_num_seqs=4),
)


def _fitting(benches: str, skip_long: bool = False, **sizes: Any) -> plan.Sizes:
    made = plan.Sizes(**{"prompts": (16,), "streams": (4,), **sizes})
    return engine.fitting(made, CONFIG, {"benches": [benches], "skip_long": skip_long})


def test_what_does_not_fit_is_refused() -> None:
    assert _fitting("ttft", prompts=(16, 511)).prompts == (16, 511)
    assert _fitting("ttft", prompts=(16, 512), skip_long=True).prompts == (16,)
    assert _fitting("decode", prompts=(16, 512)).prompts == (16,)
    with pytest.raises(Refusal, match="512 tokens and one more do not fit in 512"):
        _fitting("ttft", prompts=(16, 512))
    with pytest.raises(Refusal, match="500 prompt and 128 new tokens"):
        _fitting("decode", prompt=500)
    with pytest.raises(Refusal, match="5 streams do not run at once"):
        _fitting("tpot", streams=(1, 5))
    assert _fitting("decode", streams=(1, 5)).streams == (1, 5)


def refuse_to_spread() -> None:
    model = str(tinylm.copy(tinylm.ORIGINAL))
    for flag in ("--tensor-parallel-size", "--pipeline-parallel-size", "--data-parallel-size"):
        with pytest.raises(Refusal, match=f"{flag} 2 was asked for.*; leave {flag} out"):
            engine.start(model, "eager", [flag, "2"], plan.Sizes())


def test_more_than_one_gpu_is_refused() -> None:
    fresh.run(refuse_to_spread)


def test_an_absent_class_is_a_note_only_if_nobody_named_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[dict[str, Any]] = []

    def absent(*_: Any) -> None:
        raise Absent("the model has no kernels of class moe", "leave it out")

    monkeypatch.setattr(child, "_protocol", lambda: told.append)
    monkeypatch.setattr(child, "_measure", absent)
    for skip, code in (("true", 0), ("false", child.REFUSED)):
        request = f'{{"model": "{tmp_path.as_posix()}", "skip_absent": {skip}}}'
        monkeypatch.setattr(sys, "argv", ["child", request])
        assert child.main() == code
    assert [list(line) for line in told] == [["note"], ["error"]]
