"""Which compiled op each of upstream's choices on AMD cards calls, checked before it is made."""

from __future__ import annotations

from vllm_gfx.ops import library

# Attention backends that are chosen or accepted without a look at their ops.
ATTENTION = {
    "ROCM_ATTN": "_C_cache_ops.reshape_and_cache",
    "TRITON_MLA": "_C_cache_ops.concat_and_cache_mla",
}
# Fusion passes of torch.compile: what they put into the graph.
PASSES = {
    "fuse_norm_quant": "_C.rms_norm_static_fp8_quant",
    "fuse_act_quant": "_C.silu_and_mul_quant",
    "enable_qk_norm_rope_fusion": "_C.fused_qk_norm_rope",
    "fuse_rope_kvcache_cat_mla": "_C_cache_ops.concat_and_cache_mla_rope_fused",
}
# The decode GEMM behind VLLM_ROCM_USE_SKINNY_GEMM.
SKINNY_GEMM = ("_rocm_C.wvSplitK", "_rocm_C.LLMM1")
# Layers (`custom_ops`) that our ops serve: one launch each, where an engine without a compiler
# would make several.
LAYERS = ("silu_and_mul", "gelu_and_mul", "rotary_embedding")
# Of these, what upstream computes wrongly without its op: the exact gelu for models that ask for
# the tanh form (it avoids a compiler's fault by it). These are ours whether a compiler runs or not.
ALWAYS = ("gelu_and_mul",)
CUSTOM_ALLREDUCE = "_C_custom_ar.all_reduce"


def unmet(table: dict[str, str]) -> dict[str, str]:
    """The rows of a table above whose op does not run in this build."""
    return {choice: op for choice, op in table.items() if not library.runs(op)}
