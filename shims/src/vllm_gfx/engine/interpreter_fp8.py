"""Triton's interpreter rounds to 8-bit floats wrongly and lacks the AMD kind of them.

A mantissa that rounds up past its last value is or-ed into the exponent, which halves every other
such number; and `float8e4b8` (e4m3fnuz, gfx94x) has no type there. Without this a simulated card's
fp8 KV cache is far off or fails. Simulated cards only: compiled kernels are not concerned.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from vllm_gfx import simulation

APPLIES = ("linux", "win32")
TARGET = "triton.runtime.interpreter.InterpreterBuilder.create_fp_to_fp"
UPSTREAM = "triton/runtime/interpreter.py: _convert_float, _patch_lang_core._new_to_ir"
REMOVE_WHEN = "the interpreter casts float32 to float8e4nv and float8e4b8 as torch does"

# Triton's names of types that NumPy does not have, as torch has them.
_TYPES = {
    "bf16": torch.bfloat16,
    "fp8e4nv": torch.float8_e4m3fn,
    "fp8e4b8": torch.float8_e4m3fnuz,
    "fp8e5": torch.float8_e5m2,
    "fp8e5b16": torch.float8_e5m2fnuz,
}
_STORED = {1: torch.uint8, 2: torch.uint16}


def needed() -> bool:
    """Whether kernels are interpreted for a simulated card."""
    return simulation.on_cpu()


def install() -> None:
    """Convert through torch where an 8-bit type is involved; name the missing type."""
    from triton.runtime import interpreter

    builder = interpreter.InterpreterBuilder
    if getattr(builder.create_fp_to_fp, "exact_fp8", False):
        return
    builder.create_fp_to_fp = _exact(builder.create_fp_to_fp, interpreter.TensorHandle)
    interpreter._patch_lang_core = _with_type(interpreter._patch_lang_core)


def convert(data: np.ndarray[Any, Any], source: str, target: str) -> np.ndarray[Any, Any]:
    """Cast between Triton's float types, by name; to nearest even, what is too large saturates."""
    values = torch.from_numpy(np.array(data))
    if source in _TYPES:
        values = values.view(_TYPES[source])
    if target not in _TYPES:
        return values.to(getattr(torch, f"float{target[2:]}")).numpy()
    kind = _TYPES[target]
    limit = torch.finfo(kind).max
    return values.float().clamp(-limit, limit).to(kind).view(_STORED[kind.itemsize]).numpy()


def _exact(plain: Any, handle: Any) -> Any:
    def create_fp_to_fp(self: Any, src: Any, dst_type: Any, rounding_mode: Any) -> Any:
        source, target = src.dtype.scalar.name, dst_type.scalar.name
        if not any(name.startswith("fp8") and name in _TYPES for name in (source, target)):
            return plain(self, src, dst_type, rounding_mode)
        return handle(convert(src.data, source, target), dst_type.scalar)

    create_fp_to_fp.exact_fp8 = True  # type: ignore[attr-defined]
    return create_fp_to_fp


def _with_type(patch_language: Any) -> Any:
    def patched(language: Any, scope: Any) -> None:
        patch_language(language, scope)
        plain = language.dtype.to_ir

        def to_ir(self: Any, builder: Any) -> Any:
            return builder.get_fp8e4b8_ty() if self.name == "fp8e4b8" else plain(self, builder)

        scope.set_attr(language.dtype, "to_ir", to_ir)

    return patched
