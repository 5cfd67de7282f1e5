"""Functions of vLLM's Triton files: from the vLLM installed, or single files of a source tree.

A source tree is the folder `vllm` of vLLM's sources. Its files are loaded one at a time, with
stand-ins for what they import of the rest; what they compute does not depend on those.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from gfx_bench.errors import Unavailable

_MIXED = "vllm.model_executor.kernels.linear.mixed_precision"


@cache
def function(module: str, name: str, source: Path | None) -> Callable[..., Any]:
    """`name` of vLLM's `module`. Raises Unavailable where it cannot be had."""
    if source is None:
        if importlib.util.find_spec("vllm") is None:
            raise Unavailable("vLLM is not installed; --vllm-source names a folder with its files")
        return getattr(importlib.import_module(module), name)
    return getattr(_loaded(module, source), name)


@cache
def _loaded(module: str, source: Path) -> ModuleType:
    file = source.joinpath(*module.split(".")[1:]).with_suffix(".py")
    if not file.is_file():
        raise Unavailable(f"{file} is missing; --vllm-source is to be vLLM's folder `vllm`")
    if torch.version.hip:
        raise Unavailable("on AMD vLLM's files ask vLLM which GPU this is; install vLLM")
    if importlib.util.find_spec("triton") is None:
        raise Unavailable("triton is not installed")
    with _stand_ins(source):
        return _execute(module, file)


def _execute(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise Unavailable(f"{file} is no Python file")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


@contextmanager
def _stand_ins(source: Path) -> Iterator[None]:
    """Stand-ins for vLLM in `sys.modules`; afterwards it is as it was."""
    before = {n: m for n, m in sys.modules.items() if n.partition(".")[0] == "vllm"}
    for name in before:
        del sys.modules[name]
    try:
        for name, members in _members().items():
            module = ModuleType(name)
            module.__path__ = []
            vars(module).update(members)
            sys.modules[name] = module
        _execute("vllm.scalar_type", source / "scalar_type.py")
        yield
    finally:
        for name in [n for n in sys.modules if n.partition(".")[0] == "vllm"]:
            del sys.modules[name]
        sys.modules.update(before)


class _Nvidia:
    @staticmethod
    def is_rocm() -> bool:
        return False


def _members() -> dict[str, dict[str, Any]]:
    import triton
    import triton.language as tl

    def unused(*_: Any, **__: Any) -> None:
        """What is only used by vLLM's layers."""

    class Unused:
        pass

    names = _MIXED.split(".")
    parents: dict[str, dict[str, Any]] = {
        ".".join(names[:depth]): {} for depth in range(1, len(names) + 1)
    }
    return {
        **parents,
        "vllm.model_executor.layers": {},
        "vllm.model_executor.layers.quantization": {},
        "vllm.model_executor.layers.quantization.utils": {"replace_parameter": unused},
        "vllm.model_executor.layers.quantization.utils.quant_utils": {
            "unpack_quantized_values_into_int32": unused
        },
        "vllm.model_executor.parameter": {
            "BasevLLMParameter": Unused,
            "permute_param_layout_": unused,
        },
        "vllm.platforms": {"current_platform": _Nvidia},
        "vllm.triton_utils": {"tl": tl, "triton": triton},
        "vllm.utils": {},
        "vllm.utils.torch_utils": {"direct_register_custom_op": unused},
        f"{_MIXED}.MPLinearKernel": {"MPLinearKernel": Unused, "MPLinearLayerConfig": Unused},
    }


def awq_gemm(source: Path | None) -> Callable[..., Any]:
    return function("vllm.model_executor.layers.quantization.awq_triton", "awq_gemm_triton", source)


def triton_w4a16(source: Path | None) -> Callable[..., Any]:
    return function(f"{_MIXED}.triton_w4a16", "_triton_w4a16_gemm_impl", source)


def hybrid_w4a16(source: Path | None) -> Callable[..., Any]:
    return function(f"{_MIXED}.rdna_hybrid_w4a16", "triton_w4a16_skinny_fmt_gemm", source)
