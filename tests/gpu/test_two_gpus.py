"""Two GPUs by vLLM's own means: tensor parallel and data parallel give one GPU's tokens.

The first case for NCCL (RCCL on AMD's Linux is the same interface). Each engine is in a process of
its own, with workers of its own; data parallel also has a coordinator between its two engines. Each
test starts only what it needs: `python -m pytest tests/gpu/test_two_gpus.py -k "tensor and gptq"`.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.gpu import expected
from tests.gpu.runs import MEMORY, MODES, environment
from tests.gpu.test_tokens import OURS, agrees, served
from tests.support import engine, parallel, tinylm

pytestmark = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")

COPIES = (tinylm.ORIGINAL, "gptq-g128")
GRAPH: dict[str, Any] = {**MEMORY, **MODES["graph"]}


def both_agree(answers: engine.Answers, copy: str, label: str) -> None:
    agrees(answers.tokens[0], copy, f"{label} {copy}")
    assert len(answers.reports) == 2
    if copy != tinylm.ORIGINAL:
        assert [served(report) for report in answers.reports] == [{OURS}] * 2


@pytest.mark.parametrize("copy", COPIES)
def test_tensor_parallel(copy: str) -> None:
    (ask,) = expected.asks([copy], expected.prompt_ids(), tensor_parallel_size=2, **GRAPH)
    (answers,) = engine.run_all([ask], {**environment(), "VLLM_ENABLE_V1_MULTIPROCESSING": "1"})
    assert not answers.error, answers.error[-20_000:]
    assert answers.mode == "graph"
    both_agree(answers, copy, "tensor parallel")


@pytest.mark.parametrize("copy", COPIES)
def test_data_parallel(copy: str) -> None:
    settings = {"dtype": expected.DTYPE, "max_model_len": expected.MAX_LEN, **GRAPH}
    answers = parallel.data_parallel(
        tinylm.copy(copy), expected.prompt_ids(), expected.STEPS, environment(), settings
    )
    both_agree(answers, copy, "data parallel")
