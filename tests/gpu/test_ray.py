"""Ray's executor, vLLM's own for several hosts, here with the two GPUs of one: one GPU's tokens.

Skipped without Ray, which our packages do not bring.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch

from tests.gpu import expected
from tests.gpu.runs import environment
from tests.gpu.test_two_gpus import COPIES, GRAPH, both_agree
from tests.support import engine

pytestmark = [
    pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs"),
    pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray"),
]


@pytest.mark.parametrize("copy", COPIES)
def test_tensor_parallel_by_ray(copy: str) -> None:
    settings = {"tensor_parallel_size": 2, "distributed_executor_backend": "ray", **GRAPH}
    (ask,) = expected.asks([copy], expected.prompt_ids(), **settings)
    (answers,) = engine.run_all([ask], {**environment(), "VLLM_ENABLE_V1_MULTIPROCESSING": "1"})
    assert not answers.error, answers.error[-20_000:]
    both_agree(answers, copy, "tensor parallel by Ray")
