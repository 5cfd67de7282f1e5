"""Who else multiplies by 4-bit weights, and torch's product with 16-bit ones.

Each builder takes a `Weight` and returns the contestant in one or more variants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from gfx_kernels.w4 import nibbles

from gfx_bench.contestants import Contestant
from gfx_bench.errors import Unavailable
from gfx_bench.peers import vllm_files, w4_layouts

AWQ_SPLITS = 8  # what vLLM passes
INNER_TILES = (8, 4, 2)  # of torch's layout; one must divide the inputs by 16 of them


@dataclass(frozen=True)
class Weight:
    """A weight on the device: `values` uint8 `[n, k]`, `scales` `[n, groups]`, maybe `zeros`.

    `x` `[m, k]` and `scales` are float16 numbers that bfloat16 holds too. `allowed`: the relative
    error that is right, by dtype.
    """

    x: torch.Tensor
    values: torch.Tensor
    scales: torch.Tensor
    zeros: torch.Tensor | None
    allowed: dict[torch.dtype, float]

    @property
    def group_size(self) -> int:
        return self.values.shape[1] // self.scales.shape[1]

    def dequantised(self) -> torch.Tensor:
        """float32 `[n, k]`."""
        n, k = self.values.shape
        zero = w4_layouts.filled_zeros(self.zeros, self.scales).float().unsqueeze(-1)
        grouped = self.values.float().view(n, self.scales.shape[1], -1)
        return grouped.sub_(zero).mul_(self.scales.float().unsqueeze(-1)).view(n, k)

    @cached_property
    def exact(self) -> torch.Tensor:
        """The product in float32 on the dequantised weight, `[m, n]`."""
        return self.x.float() @ self.dequantised().t()


Product = Callable[..., torch.Tensor]
Builder = Callable[[Weight, Path | None], list[Contestant]]


def relative_error(out: torch.Tensor, exact: torch.Tensor) -> float:
    """max|out - exact| / max|exact|; infinite if any number is not finite."""
    if out.shape != exact.shape or not bool(torch.isfinite(out).all()):
        return float("inf")
    return float((out.float() - exact).abs().max() / exact.abs().max())


def contestant(
    name: str,
    weight: Weight,
    product: Product,
    tensors: tuple[torch.Tensor | None, ...],
    dtype: torch.dtype = torch.float16,
    variant: str = "",
    **more: Any,
) -> Contestant:
    """`product(x, *tensors)`, rotating over copies of `tensors`."""
    x = weight.x.to(dtype)

    def fresh() -> Callable[[], torch.Tensor]:
        return partial(product, x, *(None if t is None else t.clone() for t in tensors))

    return Contestant(
        name,
        sum(t.nbytes for t in tensors if t is not None),
        fresh,
        lambda: relative_error(product(x, *tensors), weight.exact),
        weight.allowed[dtype],
        variant,
        **more,
    )


def torch_16bit(weight: Weight, _: Path | None) -> list[Contestant]:
    """torch's product with the weight in float16: four times the bytes."""
    dequantised = weight.dequantised().to(torch.float16)
    return [contestant("torch_fp16", weight, torch.nn.functional.linear, (dequantised,))]


def torch_int4(weight: Weight, _: Path | None) -> list[Contestant]:
    """torch's own 4-bit kernel, in bfloat16, in every layout that fits."""
    inputs, group_size = weight.x.shape[1], weight.group_size
    offsets = w4_layouts.scales_and_offsets(weight.scales, weight.zeros, torch.bfloat16)
    packed = w4_layouts.pairs(weight.values)

    def product(x: torch.Tensor, words: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        return torch._weight_int4pack_mm(x, words, group_size, offsets)

    return [
        contestant(
            "torch_int4",
            weight,
            product,
            (torch._convert_weight_to_int4pack(packed, tiles), offsets),
            torch.bfloat16,
            f"innerKTiles {tiles}",
        )
        for tiles in INNER_TILES
        if inputs % (16 * tiles) == 0
    ]


def vllm_awq(weight: Weight, source: Path | None) -> list[Contestant]:
    """vLLM's Triton kernel for AWQ's files."""
    gemm = vllm_files.awq_gemm(source)
    points = w4_layouts.filled_zeros(weight.zeros, weight.scales)
    tensors = (
        w4_layouts.by_outputs(weight.values, nibbles.PAIRED),
        weight.scales.t().contiguous(),
        w4_layouts.by_outputs(points, nibbles.PAIRED),
    )

    def product(x: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        return gemm(x, *weights, AWQ_SPLITS)

    return [contestant("vllm_awq", weight, product, tensors)]


def vllm_triton(weight: Weight, source: Path | None) -> list[Contestant]:
    """vLLM's TritonW4A16."""
    gemm, group_size = vllm_files.triton_w4a16(source), weight.group_size
    zeros = None if weight.zeros is None else w4_layouts.by_outputs(weight.zeros)
    tensors = (w4_layouts.by_outputs(weight.values), weight.scales.t().contiguous(), zeros)

    def product(x: torch.Tensor, *weights: torch.Tensor | None) -> torch.Tensor:
        return gemm(x, *weights, group_size, w4_layouts.SYMMETRIC_ZERO)

    return [contestant("vllm_triton", weight, product, tensors)]


def vllm_hybrid(weight: Weight, source: Path | None) -> list[Contestant]:
    """The Triton half of vLLM's hybrid for RDNA."""
    gemm, group_size = vllm_files.hybrid_w4a16(source), weight.group_size
    zeros = None if weight.zeros is None else w4_layouts.zeros_by_rows(weight.zeros)
    tensors = (w4_layouts.rows_paired(weight.values), weight.scales.contiguous(), zeros)

    def product(
        x: torch.Tensor, words: torch.Tensor, scales: torch.Tensor, zp: torch.Tensor | None
    ) -> torch.Tensor:
        return gemm(x, words, scales, group_size, w4_layouts.SYMMETRIC_ZERO, zp)

    return [contestant("vllm_hybrid", weight, product, tensors)]


def conch(weight: Weight, _: Path | None) -> list[Contestant]:
    """conch's mixed-precision product; its zero points are bytes."""
    if find_spec("conch") is None:
        raise Unavailable("conch is not installed (pip: conch-triton-kernels)")
    from conch.ops.quantization.gemm import mixed_precision_gemm

    group_size, bias = weight.group_size, 0 if weight.zeros is not None else 8
    tensors = (
        w4_layouts.by_inputs(weight.values),
        weight.scales.t().contiguous(),
        None if weight.zeros is None else weight.zeros.t().contiguous(),
    )

    def product(x: torch.Tensor, *weights: torch.Tensor | None) -> torch.Tensor:
        return mixed_precision_gemm(x, *weights, 4, bias, group_size)

    return [contestant("conch", weight, product, tensors)]


PEERS: dict[str, Builder] = {
    "torch_fp16": torch_16bit,
    "torch_int4": torch_int4,
    "vllm_awq": vllm_awq,
    "vllm_triton": vllm_triton,
    "vllm_hybrid": vllm_hybrid,
    "conch": conch,
}
