"""The plain implementations of vLLM's compiled ops, against their definitions written out."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from vllm_gfx.ops import experts, memory
from vllm_gfx.platform import device

CPU = torch.device("cpu")


def test_trap_5_host_view_shares_and_keeps() -> None:
    owner = np.arange(12, dtype=np.int64)
    alive = weakref.ref(owner)
    view = memory.host_view(torch.from_numpy(owner)[2:8], CPU)
    holder = torch.nn.Parameter(torch.zeros(6, dtype=torch.int64), requires_grad=False)
    holder.data = view
    owner[2] = 77
    assert holder[0] == 77 and holder.shape == (6,)
    del owner, view
    gc.collect()
    assert alive() is not None and holder.tolist() == [77, 3, 4, 5, 6, 7]
    del holder
    gc.collect()
    assert alive() is None


def test_trap_5_only_host_tensors_are_viewed() -> None:
    with pytest.raises(ValueError, match="a CPU tensor is needed, not one on meta"):
        memory.get_cuda_view_from_cpu_tensor(torch.empty(1, device="meta"))


def _routed(
    gating: torch.Tensor, k: int, sigmoid: float | None = None, **more: Any
) -> tuple[torch.Tensor, ...]:
    tokens = gating.shape[0]
    weights = torch.empty(tokens, k)
    indices, rows = (torch.empty(tokens, k, dtype=torch.int32) for _ in range(2))
    given: dict[str, Any] = {"renormalize": False, "bias": None, "is_padding": None, **more}
    if sigmoid is None:
        experts.topk_softmax(weights, indices, rows, gating, **given)
    else:
        experts.topk_sigmoid(weights, indices, rows, gating, routed_scaling_factor=sigmoid, **given)
    return weights, indices, rows


def test_topk_softmax() -> None:
    gating = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))
    weights, indices, rows = _routed(gating, 3)
    expected = gating.softmax(-1).topk(3)
    torch.testing.assert_close(weights, expected.values)
    assert indices.tolist() == expected.indices.tolist()
    assert rows.tolist() == [[k * 5 + token for k in range(3)] for token in range(5)]
    assert torch.allclose(_routed(gating, 3, renormalize=True)[0].sum(-1), torch.ones(5))


def test_topk_bias_chooses_and_does_not_weigh() -> None:
    gating = torch.tensor([[3.0, 2.0, 1.0]])
    weights, indices, _ = _routed(gating, 1, bias=torch.tensor([0.0, 0.0, 5.0]))
    assert indices.tolist() == [[2]]
    torch.testing.assert_close(weights, gating.softmax(-1)[:, 2:])
    scaled, _, _ = _routed(gating, 1, sigmoid=2.5)
    torch.testing.assert_close(scaled, gating.sigmoid()[:, :1] * 2.5)


def test_topk_of_padding_and_of_nan() -> None:
    gating = torch.tensor([[float("nan")] * 4, [1.0, 1.0, 1.0, 1.0], [0.0, 9.0, 0.0, 0.0]])
    _, indices, _ = _routed(gating, 2, is_padding=torch.tensor([False, False, True]))
    assert indices.tolist() == [[0, 1], [0, 1], [-1, -1]]


def _aligned_by_hand(ids: list[int], count: int, block: int) -> tuple[list[int], list[int]]:
    """Slots in blocks by expert, filled up with `len(ids)`; and each block's expert."""
    slots, owners = [], []
    for expert in range(count):
        mine = [slot for slot, e in enumerate(ids) if e == expert]
        mine += [len(ids)] * (-len(mine) % block)
        slots += mine
        owners += [expert] * (len(mine) // block)
    return slots, owners


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mapped", [False, True])
def test_moe_align_block_size(seed: int, mapped: bool) -> None:
    count, block = 6, 4
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(-1, count, (5, 2), generator=generator, dtype=torch.int32)
    local = torch.tensor([0, -1, 1, -1, 2, -1], dtype=torch.int32) if mapped else None
    places = ids.numel() + count * (block - 1)
    ordered = torch.full((places,), -7, dtype=torch.int32)
    owners = torch.full((-(-places // block),), -7, dtype=torch.int32)
    used = torch.zeros(1, dtype=torch.int32)
    scatter = torch.full((ids.numel(), 1), -7, dtype=torch.int32)
    experts.moe_align_block_size(ids, count, block, ordered, owners, used, local, scatter)
    seen = ids.flatten().tolist()
    if local is not None:
        seen = [int(local[i]) if i >= 0 else i for i in seen]
    slots, blocks = _aligned_by_hand(seen, count, block)
    assert used.item() == len(slots)
    assert ordered.tolist() == slots + [ids.numel()] * (places - len(slots))
    assert owners.tolist() == blocks + [-1] * (len(owners) - len(blocks))
    assert scatter.flatten().tolist() == [i if e >= 0 else -1 for i, e in enumerate(seen)]


def test_moe_sum_skips_what_is_not_local() -> None:
    x = torch.arange(12.0).reshape(2, 3, 2).half()
    out = torch.empty(2, 2, dtype=torch.float16)
    experts.moe_sum(x, out)
    assert out.tolist() == x.float().sum(1).tolist()
    ids = torch.tensor([[0, 1, -1], [1, 1, 0]], dtype=torch.int32)
    experts.moe_sum(x, out, ids, torch.tensor([0, -1], dtype=torch.int32))
    assert out.tolist() == [[0.0, 1.0], [10.0, 11.0]]


_REGISTRY = """
import gc, weakref
import numpy as np
import torch
from vllm_gfx import report
from vllm_gfx.ops import kernels, library
library.install()
library.install()
out = torch.empty(2, 3)
torch.ops._C.silu_and_mul(out, torch.ones(2, 6))
print(library.runs("_C.silu_and_mul"), library.runs("_C.awq_gemm"), round(float(out[0, 0]), 4))
print(all(map(library.runs, kernels.OPS)), [(r.layer, r.implementation) for r in report.rows()])
with torch.device("meta"):
    torch.ops._C.silu_and_mul(torch.empty(2, 3), torch.empty(2, 6))
torch.ops._C.silu_and_mul(out[:0], torch.ones(0, 6))
owner = np.zeros((4, 6), dtype=np.float32)
alive = weakref.ref(owner)
weak = torch.ops._C.weak_ref_tensor(torch.from_numpy(owner)[1:, ::2])
owner[1, 0] = -1.0
print(weak.shape, weak[0, 0].item())
del owner
gc.collect()
print(alive())
try:
    torch.ops._C.rms_norm_static_fp8_quant(out, out, out, out, 1e-5)
except NotImplementedError as error:
    print(error)
"""


def _ask(code: str) -> list[str]:
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert child.returncode == 0, child.stderr[-2000:]
    return child.stdout.strip().splitlines()


def test_trap_6_and_ops_in_the_registry() -> None:
    runs, all_run, weak, owner, refusal = _ask(_REGISTRY)
    assert runs == "True False 0.7311"
    assert all_run == "True [('_C.silu_and_mul', 'gfx::silu_and_mul')]"
    assert (weak, owner) == ("torch.Size([3, 3]) -1.0", "None")
    assert refusal.startswith(
        "torch.ops._C.rms_norm_static_fp8_quant is a compiled op of vLLM that"
    )
    assert "custom_ops, pass_config, ir_op_priority" in refusal


def test_trap_7_numa_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_PCI", tmp_path)
    card = SimpleNamespace(pci_domain_id=0, pci_bus_id=0x0A, pci_device_id=0)
    assert device._numa_node(card) == -1
    entry = tmp_path / "0000:0a:00.0"
    entry.mkdir()
    (entry / "numa_node").write_text("1\n", encoding="ascii")
    assert device._numa_node(card) == 1


def test_trap_7_numa_nodes_of_all_visible_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a data parallel engine, whose own logical ids name fewer."""

    class Platform(device.TorchDeviceQueries):
        @classmethod
        def device_count(cls) -> int:
            return 2

        @classmethod
        def logical_device_id_to_visible_device_id(cls, device_id: int) -> int:
            return [1][device_id]  # this engine has the second GPU

    cards = [SimpleNamespace(pci_domain_id=0, pci_bus_id=b, pci_device_id=0) for b in (5, 6)]
    for bus, node in ((5, "0"), (6, "1")):
        entry = tmp_path / f"0000:{bus:02x}:00.0"
        entry.mkdir()
        (entry / "numa_node").write_text(f"{node}\n", encoding="ascii")
    monkeypatch.setattr(device, "_PCI", tmp_path)
    monkeypatch.setattr(torch.cuda, "get_device_properties", cards.__getitem__)
    assert Platform.get_all_device_numa_nodes() == [0, 1]
