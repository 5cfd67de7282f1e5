"""Ray's executor, vLLM's own for several hosts, here with one or two GPUs of one: the same tokens.

Skipped without Ray, which our packages do not bring.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch

from tests.gpu import expected
from tests.gpu.runs import environment
from tests.gpu.test_tokens import OURS, agrees, served
from tests.gpu.test_two_gpus import COPIES, GRAPH
from tests.support import engine, tinylm

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray"),
]


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("copy", COPIES)
def test_tensor_parallel_by_ray(copy: str, size: int) -> None:
    if torch.cuda.device_count() < size:
        pytest.skip(f"needs {size} GPUs")
    settings = {"tensor_parallel_size": size, "distributed_executor_backend": "ray", **GRAPH}
    (ask,) = expected.asks([copy], expected.prompt_ids(), **settings)
    (answers,) = engine.run_all([ask], {**environment(), "VLLM_ENABLE_V1_MULTIPROCESSING": "1"})
    assert not answers.error, answers.error[-20_000:]
    assert answers.mode == "graph"
    agrees(answers.tokens[0], copy, f"{size} of Ray's workers, {copy}")
    assert len(answers.reports) == size
    if copy != tinylm.ORIGINAL:
        assert [served(report) for report in answers.reports] == [{OURS}] * size
