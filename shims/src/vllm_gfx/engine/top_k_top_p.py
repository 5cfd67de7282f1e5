"""vLLM's top-k/top-p Triton kernel does not run in Triton's interpreter (simulated cards only).

Without this a sampled request fails with "'int' object has no attribute 'to'".
"""

from __future__ import annotations

from vllm_gfx import simulation

APPLIES = ("linux", "win32")
TARGET = "vllm.v1.sample.ops.topk_topp_sampler.apply_top_k_top_p_triton"
UPSTREAM = "vllm/v1/sample/ops/topk_topp_triton.py"
REMOVE_WHEN = "apply_top_k_top_p_triton runs under TRITON_INTERPRET=1"


def needed() -> bool:
    """Whether kernels are interpreted for a simulated card."""
    return simulation.on_cpu()


def install() -> None:
    """Sample with upstream's PyTorch version of the same function."""
    from vllm.v1.sample.ops import topk_topp_sampler

    topk_topp_sampler.apply_top_k_top_p_triton = topk_topp_sampler.apply_top_k_top_p_pytorch
