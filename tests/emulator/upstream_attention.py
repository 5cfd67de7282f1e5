"""vLLM's Triton attention on the emulator: prints the largest error of a small batch.

    python -m tests.emulator.upstream_attention GFX FOLDER

One prefill of 5 tokens after 14 in the cache, one decode after 9; 4 query heads on 2.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

_SOURCES = str(Path(__file__).resolve().parents[2] / "kernels" / "src")
if _SOURCES not in sys.path:
    sys.path.append(_SOURCES)

import torch  # noqa: E402
from vllm.v1.attention.ops import triton_unified_attention as upstream  # noqa: E402
from vllm_gfx.engine import triton_lowering  # noqa: E402

from tests.emulator import triton_code  # noqa: E402

NEW, BEFORE = [5, 1], [14, 9]
SIZE, BLOCK = 32, 16
TABLE = torch.tensor([[2, 0], [3, 1]], dtype=torch.int32)


class OnEmulator:
    """Stands where a Triton kernel is: `kernel[grid](...)` runs in the emulator."""

    def __init__(self, function: Any, gfx: str, folder: Path) -> None:
        self.function, self.gfx, self.folder = function, gfx, folder

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        def launch(**arguments: Any) -> None:
            triton_code.run(self.function, grid, arguments, self.gfx, self.folder)

        return launch


def _batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    queries = torch.randn(sum(NEW), 4, SIZE, generator=random).half()
    keys, values = (torch.randn(4, BLOCK, 2, SIZE, generator=random).half() for _ in range(2))
    return queries, keys, values


def _found(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    lengths = [n + b for n, b in zip(NEW, BEFORE, strict=True)]
    out = torch.zeros_like(queries)
    one = torch.ones(1)
    upstream.unified_attention(
        q=queries,
        k=keys,
        v=values,
        out=out,
        cu_seqlens_q=torch.tensor([0, NEW[0], sum(NEW)], dtype=torch.int32),
        max_seqlen_q=max(NEW),
        seqused_k=torch.tensor(lengths, dtype=torch.int32),
        max_seqlen_k=max(lengths),
        softmax_scale=SIZE**-0.5,
        causal=True,
        window_size=(-1, -1),
        block_table=TABLE,
        softcap=0.0,
        q_descale=None,
        k_descale=one,
        v_descale=one,
    )
    return out


def _exact(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    parts, start = [], 0
    for row, new, before in zip(TABLE.tolist(), NEW, BEFORE, strict=True):
        k, v = (
            cache[row].flatten(0, 1)[: new + before].double().repeat_interleave(2, 1)
            for cache in (keys, values)
        )
        q, k, v = (t.transpose(0, 1) for t in (queries[start : start + new].double(), k, v))
        mask = torch.ones(new, new + before, dtype=torch.bool).tril(before)
        parts.append(torch.nn.functional.scaled_dot_product_attention(q, k, v, mask))
        start += new
    return torch.cat(parts, 1).transpose(0, 1)


def main(gfx: str, folder: str) -> None:
    """Compile for `gfx`, execute, compare with float64."""
    triton_lowering.install()
    kernel = upstream.kernel_unified_attention
    upstream.kernel_unified_attention = OnEmulator(kernel, gfx, Path(folder))
    batch = _batch()
    print(float((_found(*batch).double() - _exact(*batch)).abs().max()))


if __name__ == "__main__":
    main(*sys.argv[1:])
