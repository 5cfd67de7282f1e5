"""Triton's AMD passes refuse targets that its compiler behind them still serves, gfx906 for one.

LLVM has the target, Triton's tables do not. The passes between are told the name of the nearest
target that they know (`triton_as` of the target table); LLVM, the matrix-product pass and the
device libraries keep the real one, so that no instruction is chosen that the card lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from gfx_kernels import targets
from vllm.platforms import current_platform

APPLIES = ("linux", "win32")
TARGET = "triton.backends.amd.compiler.amd.passes.ttgpuir"
UPSTREAM = "triton/third_party/amd: TargetInfo knows no gfx906; passes say `unsupported target`"
REMOVE_WHEN = "triton.compile succeeds for every target whose variant file has `triton_as`"

PASSES = (
    "add_builtin_func_to_llvmir",
    "add_convert_to_buffer_ops",
    "add_to_llvmir",
    "add_update_async_wait_count",
    "add_warp_pipeline_conversion",
    "add_warp_specialize_to_llvm",
)


def needed() -> bool:
    """Whether this is our platform, on a card that Triton must be told another name of."""
    ours = type(current_platform).__module__.startswith("vllm_gfx.")
    if not (ours and current_platform.is_rocm() and torch.version.hip and find_spec("triton")):
        return False
    target = current_platform.target()
    return target is not None and target.triton_as != ""


def install() -> None:
    """Hand the passes the name they know. A second call does nothing."""
    from triton.backends.amd.compiler import amd

    known = {t.name: t.triton_as for t in targets.all_targets().values() if t.triton_as}
    for name in PASSES:
        upstream = getattr(amd.passes.ttgpuir, name)
        if not hasattr(upstream, "upstream"):
            setattr(amd.passes.ttgpuir, name, _renamed(upstream, known))


def _renamed(upstream: Callable[..., None], known: dict[str, str]) -> Callable[..., None]:
    def add_pass(manager: Any, arch: str, *rest: Any) -> None:
        upstream(manager, known.get(arch, arch), *rest)

    add_pass.upstream = upstream  # type: ignore[attr-defined]
    return add_pass
