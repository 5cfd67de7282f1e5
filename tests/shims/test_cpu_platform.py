"""What the cpu target refuses, before any engine process: one line that names the remedy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.shims.amd import models
from tests.support import tinylm

PROGRAM = str(Path(sys.executable).with_name("vllm-gfx"))
NGRAM = '{"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 3}'
REFUSED = {
    "fp8-kv": (["--kv-cache-dtype", "fp8"], "cpu target serves auto"),
    "tensor-parallel": (["--tensor-parallel-size", "2"], "leave out --tensor-parallel-size"),
    "n-gram speculation": (["--speculative-config", NGRAM], "speculative-config and --spec-"),
    "other-backend": (["--attention-backend", "FLASH_ATTN"], "leave --attention-backend out"),
}


@pytest.mark.parametrize(("flags", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(flags: list[str], words: str) -> None:
    command = [PROGRAM, "report", str(tinylm.copy("fp")), *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert words in done.stderr.strip().splitlines()[-1]


def test_experts_are_refused(tmp_path: Path) -> None:
    model = models.mixtral(tmp_path).checkpoint
    command = [PROGRAM, "report", str(model), "--skip-tokenizer-init"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "cpu target has no mixtures of experts" in done.stderr.strip().splitlines()[-1]


def test_mla_is_refused() -> None:
    """In a process of its own: the platform is chosen once in a process."""
    code = """
import torch
from vllm.platforms import current_platform
from vllm.v1.attention.selector import AttentionSelectorConfig
asked = AttentionSelectorConfig(576, torch.float32, "auto", 16, use_mla=True)
current_platform.get_attn_backend_cls(None, asked)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "the cpu target cannot serve this attention: MLA not supported" in done.stderr
