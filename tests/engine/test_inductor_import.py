"""Importing vLLM leaves Inductor alone; what vLLM changes in it is there once it is imported.

That is the patch lazy-inductor.
"""

from __future__ import annotations

import importlib
import sys

from tests.support import fresh

LOWERING, GRAPH = "torch._inductor.lowering", "torch._inductor.graph"


def _wrapped() -> None:
    import vllm.env_override
    from torch._inductor import graph, lowering

    allowed = lowering.FALLBACK_ALLOW_LIST
    assert type(allowed) is vllm.env_override._VllmFallbackAllowList
    assert type(allowed._inner) is not type(allowed), "wrapped twice"
    assert graph.FALLBACK_ALLOW_LIST is allowed
    assert "vllm::any" in allowed and "other::any" not in allowed
    assert "torchvision::roi_align" in allowed


def _lowering_afterwards() -> None:
    import vllm

    assert vllm and LOWERING not in sys.modules
    importlib.import_module(LOWERING)

    _wrapped()


def _graph_afterwards() -> None:
    import vllm.entrypoints.llm

    assert vllm and LOWERING not in sys.modules and GRAPH not in sys.modules
    importlib.import_module(GRAPH)

    _wrapped()


def _beforehand() -> None:
    importlib.import_module(GRAPH)
    import vllm

    assert vllm
    _wrapped()


def test_lowering_imported_after_vllm() -> None:
    fresh.run(_lowering_afterwards)


def test_graph_imported_after_vllm() -> None:
    fresh.run(_graph_afterwards)


def test_imported_before_vllm() -> None:
    fresh.run(_beforehand)
