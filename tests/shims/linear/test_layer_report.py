"""The report's rows for linear layers: quantised, unquantised, and the output head."""

from __future__ import annotations

import pytest
import torch
from vllm.model_executor.layers.linear import ReplicatedLinear
from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead
from vllm_gfx import linear, report

from tests.shims.linear import formats, layer


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_rows", {})


def test_rows() -> None:
    model = torch.nn.ModuleDict(
        {
            "gptq": layer.down(formats.FORMATS["gptq-desc-act"], torch.float32),
            "awq": layer.gate_up(formats.FORMATS["awq-g128"], torch.float32),
            "ct": layer.qkv(formats.FORMATS["ct-asym-g32"], torch.bfloat16),
            "plain": ReplicatedLinear(8, 8, prefix="plain"),
            "head": ParallelLMHead(64, 8),
            "norm": torch.nn.LayerNorm(8),
        }
    )
    linear.record_layers(model)
    kernel = "GfxW4A16LinearKernel"
    assert report.rows() == [
        report.Row(name, "linear", implementation, reason)
        for name, implementation, reason in [
            ("gptq", kernel, "torch reference; uint4b8 group 64, float32 activations"),
            ("awq", kernel, "torch reference; uint4 group 128, float32 activations"),
            ("ct", kernel, "torch reference; uint4 group 32, bfloat16 activations"),
            ("plain", "torch", "unquantised"),
            ("head", "torch", "unquantised"),
        ]
    ]
