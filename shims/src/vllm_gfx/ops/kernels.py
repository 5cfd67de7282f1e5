"""vLLM's compiled ops that gfx_kernels has: the kernel on a GPU, the reference on the cpu.

The maths, checks and choice are gfx_kernels' own; here is only what the two callers see
differently. Upstream's ops do nothing where there are no rows; ours say that there are none.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch

# upstream's name -> the op of gfx_kernels with the same arguments.
OPS = {
    "_C.rms_norm": "rms_norm",
    "_C.fused_add_rms_norm": "fused_add_rms_norm",
    "_C.rotary_embedding": "rotary_embedding",
    "_C.silu_and_mul": "silu_and_mul",
    "_C.gelu_and_mul": "gelu_and_mul",
    "_C.gelu_tanh_and_mul": "gelu_tanh_and_mul",
    "_C.apply_repetition_penalties_": "apply_repetition_penalties",
    "_C.weak_ref_tensor": "weak_ref_tensor",
    "_C_cache_ops.reshape_and_cache_flash": "reshape_and_cache_flash",
}
# The argument that has a row per token, where it is not the first.
_ROWS = {"reshape_and_cache_flash": 4}


def bound(op: str) -> Callable[..., Any]:
    """What serves upstream's name for `op`. Loads the op's package."""
    importlib.import_module(f"gfx_kernels.{op}")
    run = getattr(torch.ops.gfx, op)

    def call(*arguments: Any, **named: Any) -> Any:
        if op == "weak_ref_tensor" or arguments[_ROWS.get(op, 0)].numel():
            return run(*_viewed(op, arguments), **named)
        return None

    return call


def _viewed(op: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Upstream keeps 8-bit caches as bytes; which 8-bit floats they hold is the platform's word."""
    if op != "reshape_and_cache_flash" or arguments[2].dtype != torch.uint8:
        return arguments
    from vllm.platforms import current_platform

    key, value, *caches = arguments[:4]
    return (key, value, *(c.view(current_platform.fp8_dtype()) for c in caches), *arguments[4:])
