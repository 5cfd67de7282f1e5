"""paged_attention and write_kv against the textbook definition in float64, and their errors."""

from __future__ import annotations

import pytest
import torch
from gfx_kernels import paged_attention as op
from gfx_kernels.paged_attention import cases


def _cache(case: cases.Case, p: cases.Problem) -> torch.Tensor:
    """A cache full of NaN, but for the tokens written through `write_kv`."""
    blocks = int(p.block_table.max()) + 1
    shape = (blocks, case.kv_heads, case.block_size, 2 * case.head_size)
    cache = torch.full(shape, float("nan"), dtype=case.dtype)
    for table, keys, values in zip(p.block_table, p.keys, p.values, strict=True):
        at = torch.arange(len(keys))
        slots = table[at // case.block_size].long() * case.block_size + at % case.block_size
        op.write_kv(keys, values, cache, slots)
    return cache


def _expected(case: cases.Case, p: cases.Problem) -> torch.Tensor:
    """Each query head of each request by itself, from the definition, in float64."""
    out = torch.zeros(p.query.shape, dtype=torch.float64)
    share = case.heads // case.kv_heads
    for r, (old, new) in enumerate(case.lengths):
        start = int(p.query_start[r])
        at = torch.arange(old, old + new)[:, None]
        seen = torch.arange(old + new)[None, :]
        visible = (seen <= at) if case.causal else torch.ones(new, old + new, dtype=torch.bool)
        if case.window:
            visible &= (at - seen).abs() < case.window
        for head in range(case.heads):
            q = p.query[start : start + new, head].double()
            k = p.keys[r][:, head // share].double()
            v = p.values[r][:, head // share].double()
            scores = q @ k.T * case.head_size**-0.5
            if case.soft_cap:
                scores = case.soft_cap * torch.tanh(scores / case.soft_cap)
            if p.alibi is not None:
                scores -= p.alibi[head].double() * (at - seen)
            weight = torch.where(visible, scores.exp(), 0.0)
            total = weight.sum(-1, keepdim=True)
            if p.sinks is not None:
                total = total + p.sinks[head].double().exp()
            out[start : start + new, head] = weight / total @ v
    return out


def _run(case: cases.Case, p: cases.Problem) -> torch.Tensor:
    out = torch.full_like(p.query, float("nan"))
    mask = op.Mask(case.causal, case.window, case.soft_cap, p.alibi, p.sinks)
    op.paged_attention(
        p.query,
        _cache(case, p),
        p.block_table,
        p.query_start,
        p.seq_lens,
        case.head_size**-0.5,
        mask,
        out,
    )
    return out


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_equals_definition(case: cases.Case) -> None:
    p = cases.problem(case)
    out, expected = _run(case, p).double(), _expected(case, p)
    largest = max(float(v.abs().max()) for v in p.values)
    allowed = cases.ROUNDING[case.dtype] * expected.abs() + cases.SUMMATION * largest
    error = (out - expected).abs()
    assert bool((error <= allowed).all()), (
        f"worst: {float((error / allowed).max()):.2f} x tolerance"
    )


def test_negative_slots_are_not_stored() -> None:
    cache = torch.zeros(2, 1, 4, 2)
    rows = torch.ones(3, 1, 1)
    op.write_kv(rows, 2 * rows, cache, torch.tensor([5, -1, 0]))
    assert cache.flatten(0, 2).sum(0).tolist() == [2.0, 4.0]
    assert cache[1, 0, 1].tolist() == [1.0, 2.0] and cache[0, 0, 0].tolist() == [1.0, 2.0]


def test_disagreeing_shapes_raise() -> None:
    cache = torch.zeros(1, 2, 4, 16)
    rows = torch.zeros(1, 3, 8)
    with pytest.raises(ValueError, match="does not hold"):
        op.write_kv(rows, rows, cache, torch.zeros(1, dtype=torch.int64))
    with pytest.raises(ValueError, match="must be equal"):
        op.write_kv(rows, rows[:, :2], cache, torch.zeros(1, dtype=torch.int64))
    start = torch.tensor([0, 1]).int()
    with pytest.raises(ValueError, match="no multiple"):
        op.paged_attention(rows, cache, start[None], start, start[1:], 1.0, op.Mask(), rows.clone())
