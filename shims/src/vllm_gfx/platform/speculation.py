"""Speculation that would end in an ImportError, found before any process is started."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from vllm import envs

from vllm_gfx.refusal import Refusal

if TYPE_CHECKING:
    from vllm.config import VllmConfig


def check(vllm_config: VllmConfig) -> None:
    """Raises Refusal if n-grams are to be proposed by the code that needs numba, and it is not
    there: vLLM's older model runner has it. The newer one proposes in kernels of Triton.
    """
    asked = vllm_config.speculative_config
    if asked is None or asked.method != "ngram" or vllm_config.use_v2_model_runner:
        return
    if find_spec("numba") is None:
        remedy = "install it with `pixi add numba`"
        if envs.VLLM_USE_V2_MODEL_RUNNER is False:
            remedy = f"unset VLLM_USE_V2_MODEL_RUNNER, or {remedy}"
        raise Refusal("n-gram speculation needs numba with vLLM's older model runner", remedy)
