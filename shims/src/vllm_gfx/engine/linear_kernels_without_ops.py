"""Upstream's ROCm kernels for 4-bit layers say yes without looking whether their ops exist.

vLLM is built without compiled ops here, so the first GPTQ layer on gfx11 or gfx12 would end in an
AttributeError at the first forward. With this, such a kernel says which op it lacks, and the
chooser goes on to the next. With the op present, upstream's own answer stands.
"""

from __future__ import annotations

from typing import Any

from vllm.platforms import current_platform

from vllm_gfx.ops import library

APPLIES = ("linux", "win32")
TARGET = (
    "vllm.model_executor.kernels.linear.{RDNA3,RDNAHybrid}W4A16LinearKernel/ExllamaLinearKernel"
)
UPSTREAM = "vllm/model_executor/kernels/linear/mixed_precision/{rdna_hybrid_w4a16,exllama}.py"
REMOVE_WHEN = "can_implement of these kernels is false where their ops are not registered"

OPS = {
    "RDNA3W4A16LinearKernel": ("_rocm_C.gptq_gemm_rdna3", "_C.gptq_shuffle"),
    "RDNAHybridW4A16LinearKernel": ("_rocm_C.wvSplitK_int4_g",),
    "ExllamaLinearKernel": ("_C.gptq_gemm", "_C.gptq_shuffle"),
}


def needed() -> bool:
    """Whether this is our platform, on AMD."""
    ours = type(current_platform).__module__.startswith("vllm_gfx.")
    return ours and bool(current_platform.is_rocm())


def install() -> None:
    """Ask for the ops before upstream's own question, in each class of OPS."""
    from vllm.model_executor.kernels import linear

    for name, ops in OPS.items():
        kernel = getattr(linear, name)
        kernel.can_implement = classmethod(_guarded(kernel.can_implement.__func__, ops))


def _guarded(upstream: Any, ops: tuple[str, ...]) -> Any:
    def can_implement(cls: type, c: Any) -> tuple[bool, str | None]:
        if lacking := [op for op in ops if not library.runs(op)]:
            return False, f"torch.ops.{', '.join(lacking)} is not in this build"
        answer: tuple[bool, str | None] = upstream(cls, c)
        return answer

    return can_implement
