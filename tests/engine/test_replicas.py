"""`vllm-gfx replicas`: two servers of the tiny model behind one address."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest
import torch
from vllm_gfx.parallel.gpus import devices as chosen
from vllm_gfx.refusal import Refusal

from tests.serve.arguments import VARIABLES
from tests.serve.server import KEY, NAME, READY_SECONDS, Running
from tests.support import output, tinylm
from tests.support.child import runs
from tests.support.held import Held
from tests.support.polling import PATIENCE_SECONDS, until, until_equal
from tools.free_port import free_port

MAIN = "from vllm_gfx import cli; cli.main()"


class Pair:
    """The command, its output in a file, and what it says about its replicas."""

    def __init__(self, log: Path) -> None:
        self.port, self.log = free_port(), log
        self.family: list[psutil.Process] = []
        self.begun: list[str] = []  # the first pieces of answers
        self.url = f"http://127.0.0.1:{self.port}"
        model = str(tinylm.copy(tinylm.ORIGINAL))
        argv = ["replicas", model, "--count", "2", "--port", str(self.port), "--api-key", KEY]
        argv += ["--served-model-name", NAME, "--max-model-len", "1024", "--dtype", "float32"]
        argv += ["--shutdown-timeout", "60"]
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", MAIN, *argv],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **VARIABLES},
            )

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_ready(self) -> None:
        ended = self.process.poll
        until(lambda: ended() is not None or "2 replicas behind" in self.output(), "ready",
              READY_SECONDS)  # fmt: skip
        assert ended() is None, output.end(self.output())
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def replicas(self) -> list[dict[str, Any]]:
        return list(httpx.get(f"{self.url}/replicas", timeout=PATIENCE_SECONDS).json())

    def in_flight(self) -> list[int]:
        return [r["in_flight"] for r in self.replicas()]

    def ask(self, tokens: int) -> int:
        client = openai.OpenAI(base_url=f"{self.url}/v1", api_key=KEY, max_retries=0)
        stream = client.completions.create(
            model=NAME,
            prompt="import",
            max_tokens=tokens,
            stream=True,
            stream_options={"include_usage": True},
            extra_body={"ignore_eos": True},
        )
        self.begun.append(next(stream).choices[0].text)
        *_, last = stream
        assert last.usage is not None
        return last.usage.completion_tokens


@pytest.fixture
def pair(tmp_path: Path, held: Held) -> Iterator[Pair]:
    pair = Pair(tmp_path / "log")
    try:
        pair.wait_ready()
        yield pair
    finally:
        if pair.process.poll() is None:
            pair.family += psutil.Process(pair.process.pid).children(recursive=True)
        for process in filter(runs, pair.family):
            process.kill()
        pair.process.kill()
        pair.process.wait(PATIENCE_SECONDS)


def test_two_servers_behind_one_address(pair: Pair, held: Held) -> None:
    with ThreadPoolExecutor() as pool:
        with held.slow_steps():
            asked = [pool.submit(pair.ask, 300) for _ in range(4)]
            until_equal(pair.in_flight, [2, 2], "they are shared out")
            until_equal(lambda: len(pair.begun), 4, "they come piece by piece")
        assert [one.result() for one in asked] == [300] * 4
    assert pair.in_flight() == [0, 0]
    _keys_and_paths(pair)
    _one_dies(pair, held)
    _stops(pair, held)


def _keys_and_paths(pair: Pair) -> None:
    with httpx.Client(base_url=pair.url, timeout=PATIENCE_SECONDS) as client:
        assert client.get("/v1/models").status_code == 401
        header = {"Authorization": f"Bearer {KEY}"}
        models = client.get("/v1/models", headers=header).json()
        assert models["data"][0]["id"] == NAME
        assert "vllm:" in client.get("/replicas/1/metrics").text
        assert client.get("/replicas/7/metrics").status_code == 404
        assert client.get("/metrics").status_code == 404
        assert client.get("/health").status_code == 200


def _one_dies(pair: Pair, held: Held) -> None:
    """Its client is told; the other takes over; the address says so."""
    victim = pair.replicas()[0]["port"]
    with ThreadPoolExecutor() as pool:
        with held.slow_steps():
            asked = [pool.submit(pair.ask, 300) for _ in range(2)]
            until_equal(pair.in_flight, [1, 1], "one each")
            for process in pair.family:
                if f"--port={victim}" in process.cmdline():
                    process.kill()
            until_equal(pair.in_flight, [0, 1], "one is told")
        errors = [one.exception() for one in asked]
    assert sum(isinstance(e, openai.APIError) for e in errors) == 1, errors
    assert errors.count(None) == 1, errors
    assert "ended before this request was finished; send it again" in str(errors)
    until_equal(lambda: [r["alive"] for r in pair.replicas()], [False, True], "it is taken out")
    until(lambda: "replica 0 ended with code -9; 1 running" in pair.output(), "it is reported")
    assert [pair.ask(20) for _ in range(2)] == [20, 20]


def _stops(pair: Pair, held: Held) -> None:
    """A request in flight is finished, the exit code is 0, nothing is left."""
    with ThreadPoolExecutor() as pool, held.slow_steps():
        finishing = pool.submit(pair.ask, 100)
        until_equal(lambda: Running(pair.replicas()[1]["port"]).running(), 1, "its engine runs it")
        pair.process.send_signal(signal.SIGTERM)
        assert finishing.result() == 100
    assert pair.process.wait(PATIENCE_SECONDS) == 0, output.end(pair.output())
    assert "draining in-flight requests count=1" in pair.output()
    until(lambda: not any(map(runs, pair.family)), "its processes end")
    output.check_lacks(pair.output(), "output_handler failed")


def _refused(*argv: str) -> str:
    command = [sys.executable, "-c", MAIN, "replicas", *argv]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    return line


def test_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    assert "holds no weights" in _refused(str(tmp_path), "--count", "2")
    model = str(tinylm.copy(tinylm.ORIGINAL))
    assert "from 1 to 65535" in _refused(model, "--port", "0")
    assert "the following arguments are required: MODEL" in _refused()


@pytest.mark.parametrize(
    ("gpus", "count", "words"),
    [("", None, "say how many replicas with --count"), ("0", 2, "no GPU"), ("", 0, "--count 0")],
)
def test_without_gpus(gpus: str, count: int | None, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        chosen(gpus, count)


@pytest.mark.parametrize("gpus", ["2", "0,0", "a", "0,", "-1"])
def test_gpus_that_are_not_there(monkeypatch: pytest.MonkeyPatch, gpus: str) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(Refusal, match="2 are visible; give numbers from 0 to 1"):
        chosen(gpus, None)


def test_gpus_are_named_as_they_are_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.version, "hip", "7.1")
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "3, 5")
    found = [(r.variable, r.device) for r in chosen("", None)]
    assert found == [("HIP_VISIBLE_DEVICES", "3"), ("HIP_VISIBLE_DEVICES", "5")]
    assert [r.device for r in chosen("1", None)] == ["5"]


@pytest.mark.parametrize(
    ("hip", "visible", "wanted"),
    [
        ("7.1", {"CUDA_VISIBLE_DEVICES": "3,5"}, ("HIP_VISIBLE_DEVICES", ["3", "5"])),
        ("7.1", {"ROCR_VISIBLE_DEVICES": "3,5"}, ("HIP_VISIBLE_DEVICES", ["0", "1"])),
        ("7.1", {"HIP_VISIBLE_DEVICES": "", "CUDA_VISIBLE_DEVICES": "1,2"},
         ("HIP_VISIBLE_DEVICES", ["1", "2"])),
        (None, {"HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": "4,6"},
         ("CUDA_VISIBLE_DEVICES", ["4", "6"])),
    ],
)  # fmt: skip
def test_each_replica_sees_its_gpu_by_one_variable(
    monkeypatch: pytest.MonkeyPatch,
    hip: str | None,
    visible: dict[str, str],
    wanted: tuple[str, list[str]],
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.version, "hip", hip)
    for name in ("HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in visible.items():
        monkeypatch.setenv(name, value)
    variable, devices = wanted
    for replica, device in zip(chosen("", None), devices, strict=True):
        seen = {k: v for k, v in replica.environment().items() if k.endswith("_VISIBLE_DEVICES")}
        # ROCR hides devices before HIP counts them, so it must stay.
        kept = {k: v for k, v in visible.items() if k.startswith("ROCR")}
        assert seen == {variable: device, **kept}


def test_variables_that_contradict_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.version, "hip", "7.1")
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    with pytest.raises(Refusal, match=r"contradict each other.*; unset CUDA_VISIBLE_DEVICES"):
        chosen("", None)
