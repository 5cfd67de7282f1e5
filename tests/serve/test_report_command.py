"""`vllm-gfx report`: a table of every layer on stdout, and nothing else there."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.serve.server import command
from tests.support import tinylm


def _report(model: Path) -> list[list[str]]:
    argv = [command(), "report", str(model), "--dtype", "float32", "--max-model-len", "512"]
    ended = subprocess.run(argv, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-4000:]
    return [line.split() for line in ended.stdout.splitlines()]


def test_every_layer_is_named() -> None:
    *rows, summary = _report(tinylm.copy("gptq-g128"))
    assert {row[0] for row in rows} == {"linear", "attention", "op"}
    served = {row[2]: row[1] for row in rows}
    assert served["model.layers.0.self_attn.attn"] == "TORCH_PAGED"
    assert served["model.layers.4.mlp.down_proj"] == served["model.layers.0.self_attn.qkv_proj"]
    assert summary[:4] == ["linear:", "20", "x", served["model.layers.0.mlp.down_proj"] + ","]
