"""Puts the ops of `schemas.py` into torch's registry, where the build does not have them.

An op with no implementation here raises NotImplementedError, which names it, when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from vllm_gfx import report
from vllm_gfx.ops import experts, kernels, memory
from vllm_gfx.ops.schemas import SCHEMAS

# Plain PyTorch; the rest is in `kernels.OPS`.
IMPLEMENTATIONS: dict[str, Callable[..., Any]] = {
    "_C.get_cuda_view_from_cpu_tensor": memory.get_cuda_view_from_cpu_tensor,
    "_moe_C.topk_softmax": experts.topk_softmax,
    "_moe_C.topk_sigmoid": experts.topk_sigmoid,
    "_moe_C.moe_align_block_size": experts.moe_align_block_size,
    "_moe_C.moe_sum": experts.moe_sum,
}

# The fragments live as long as the process: an op dies with the object that defined it.
_fragments: dict[str, torch.library.Library] = {}
_unimplemented: set[str] = set()


def defined(name: str) -> bool:
    """Whether `namespace.op` is in torch's registry, implemented or not."""
    namespace, op = name.split(".")
    return hasattr(getattr(torch.ops, namespace), op)


def runs(name: str) -> bool:
    """Whether calling `namespace.op` does its work in this build."""
    return defined(name) and name not in _unimplemented


def install() -> None:
    """Define what is missing. A second call finds nothing missing."""
    for namespace, schemas in SCHEMAS.items():
        for schema in schemas:
            name = f"{namespace}.{schema.split('(')[0]}"
            if not defined(name):
                _define(namespace, name, schema)


def _define(namespace: str, name: str, schema: str) -> None:
    if namespace not in _fragments:
        _fragments[namespace] = torch.library.Library(namespace, "FRAGMENT")
    fragment = _fragments[namespace]
    fragment.define(schema)
    op = name.split(".")[1]
    if found := _implementation(name):
        for device in ("CPU", "CUDA"):  # CUDA is torch's key for AMD GPUs too
            fragment.impl(op, _reported(name, *found), device)
        if schema.endswith("-> ()"):
            fragment.impl(op, _writes_only, "Meta")
        return
    _unimplemented.add(name)
    fragment.impl(op, _refusal(name), "CompositeExplicitAutograd")


def _implementation(name: str) -> tuple[str, Callable[..., Any]] | None:
    """What serves an op, and its name for the report."""
    if name in kernels.OPS:
        return f"gfx::{kernels.OPS[name]}", kernels.bound(kernels.OPS[name])
    if plain := IMPLEMENTATIONS.get(name):
        return f"vllm_gfx.ops.{plain.__name__}", plain
    return None


def _reported(name: str, shown: str, implementation: Callable[..., Any]) -> Callable[..., Any]:
    """`implementation`, with a row in the report once it has been called."""
    first = True

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal first
        if first:
            first = False
            report.record(name, "op", shown, "no compiled op")
        return implementation(*args, **kwargs)

    return call


def _writes_only(*_: Any, **__: Any) -> None:
    """What tracing sees of an op that only writes its arguments: shapes stay as they are."""


def _refusal(name: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(
            f"torch.ops.{name} is a compiled op of vLLM that this build does not have; "
            "turn off the option that asks for it (custom_ops, pass_config, ir_op_priority)"
        )

    return refuse
