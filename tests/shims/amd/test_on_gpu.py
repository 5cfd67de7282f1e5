"""What only a real GPU can show: host views, ops inside a captured graph.

Skipped without one. Needs torch and a GPU, not vLLM; any vendor's that torch.cuda drives.
"""

from __future__ import annotations

import pytest
import torch
from vllm_gfx.ops import experts, memory

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def test_host_view_is_seen_from_both_sides() -> None:
    pinned = torch.arange(1024, dtype=torch.int32).pin_memory()
    view = memory.get_cuda_view_from_cpu_tensor(pinned)
    assert view.is_cuda and torch.equal(view.cpu(), pinned)
    pinned[3] = 99
    assert view[3].item() == 99
    view[4] = 77
    torch.cuda.synchronize()
    assert pinned[4] == 77
    part = memory.get_cuda_view_from_cpu_tensor(pinned[8:16])
    assert part.tolist() == pinned[8:16].tolist()


def test_host_view_of_pageable_memory_is_kept() -> None:
    view = memory.get_cuda_view_from_cpu_tensor(torch.arange(5.0))
    others = [torch.full((5,), -1.0).pin_memory() for _ in range(64)]
    assert view.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0] and len(others) == 64


def test_host_view_of_nothing() -> None:
    view = memory.get_cuda_view_from_cpu_tensor(torch.empty(0, 3))
    assert view.is_cuda and view.shape == (0, 3)


class _Routing:
    """The tensors of one MoE step, 16 tokens, 2 of 8 experts, blocks of 16."""

    def __init__(self, device: str) -> None:
        places = 16 * 2 + 8 * 15
        self.gate = torch.randn(16, 8, generator=torch.Generator().manual_seed(0)).to(device)
        self.x = torch.randn(16, 2, 32, generator=torch.Generator().manual_seed(1)).to(device)
        self.weights = torch.empty(16, 2, device=device)
        self.ids = torch.zeros(16, 2, dtype=torch.int32, device=device)
        self.rows = torch.zeros_like(self.ids)
        self.order = torch.zeros(places, dtype=torch.int32, device=device)
        self.owners = torch.zeros(-(-places // 16), dtype=torch.int32, device=device)
        self.used = torch.zeros(1, dtype=torch.int32, device=device)
        self.out = torch.empty(16, 32, device=device)

    def step(self) -> None:
        experts.topk_softmax(self.weights, self.ids, self.rows, self.gate, True, None, None)
        experts.moe_align_block_size(self.ids, 8, 16, self.order, self.owners, self.used, None)
        experts.moe_sum(self.x, self.out, self.ids)


def test_routing_in_a_captured_graph() -> None:
    gpu, cpu = _Routing("cuda"), _Routing("cpu")
    gpu.step()  # warm up: capture must not meet a first-time allocation
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        gpu.step()
    for routing in (gpu, cpu):
        routing.gate.neg_()
    graph.replay()
    cpu.step()
    for name in ("ids", "rows", "order", "owners", "used"):
        assert torch.equal(getattr(gpu, name).cpu(), getattr(cpu, name)), name
    torch.testing.assert_close(gpu.weights.cpu(), cpu.weights)
    torch.testing.assert_close(gpu.out.cpu(), cpu.out)
