"""Paged attention in plain PyTorch: the reference backend of the `cpu` target.

Serves prefill, decode, chunked prefill and prefix-cache hits alike: after the new keys are in the
cache, each of them is "some queries at the end of a cached sequence".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from gfx_kernels.paged_attention import Mask, paged_attention, write_kv
from vllm.v1.attention.backend import (
    AttentionBackend,
    AttentionImpl,
    AttentionMetadata,
    AttentionMetadataBuilder,
    AttentionType,
    CommonAttentionMetadata,
    MultipleOf,
)
from vllm.v1.kv_cache_interface import KVCacheLayout

from vllm_gfx import attention


class TorchPagedBackend(AttentionBackend):
    """Decoder attention for every head size, GQA ratio, window and float dtype."""

    forward_includes_kv_cache_update = False
    supported_dtypes: ClassVar[list[torch.dtype]] = [torch.float32, torch.float16, torch.bfloat16]
    supported_kv_cache_dtypes: ClassVar[list[Any]] = ["auto", "float16", "bfloat16"]

    @staticmethod
    def get_name() -> str:
        return attention.TORCH_PAGED

    @staticmethod
    def get_impl_cls() -> type[TorchPagedImpl]:
        return TorchPagedImpl

    @staticmethod
    def get_builder_cls() -> type[TorchPagedMetadataBuilder]:
        return TorchPagedMetadataBuilder

    @staticmethod
    def get_supported_kernel_block_sizes(kv_cache_spec: Any = None) -> list[int | MultipleOf]:
        return [MultipleOf(1)]

    @classmethod
    def supported_kv_cache_layouts(cls) -> tuple[KVCacheLayout, ...]:
        return (KVCacheLayout.LBHNC,)  # heads before tokens, as `write_kv` expects

    @classmethod
    def supports_sliding_window(cls) -> bool:
        return True

    @classmethod
    def supports_sink(cls) -> bool:
        return True

    @classmethod
    def supports_non_causal(cls) -> bool:
        return True


@dataclass
class TorchPagedMetadata(AttentionMetadata):
    """What one step needs beside the tensors of the layer; shapes as in `paged_attention`."""

    num_tokens: int
    query_start: torch.Tensor
    seq_lens: torch.Tensor
    block_table: torch.Tensor
    causal: bool


class TorchPagedMetadataBuilder(AttentionMetadataBuilder[TorchPagedMetadata]):
    """Carries vLLM's common metadata over; nothing is planned ahead."""

    def __init__(
        self, kv_cache_spec: Any, layer_names: list[str], vllm_config: Any, device: torch.device
    ) -> None:
        super().__init__(kv_cache_spec, layer_names, vllm_config, device)

    def build(
        self,
        common_prefix_len: int,
        common_attn_metadata: CommonAttentionMetadata,
        fast_build: bool = False,
    ) -> TorchPagedMetadata:
        if not isinstance(common_attn_metadata.causal, bool):
            raise ValueError("TORCH_PAGED cannot mix causal and non-causal requests in a batch")
        return TorchPagedMetadata(
            num_tokens=common_attn_metadata.num_actual_tokens,
            query_start=common_attn_metadata.query_start_loc,
            seq_lens=common_attn_metadata.seq_lens,
            block_table=common_attn_metadata.block_table_tensor,
            causal=common_attn_metadata.causal,
        )


class TorchPagedImpl(AttentionImpl[TorchPagedMetadata]):
    """One layer's attention."""

    def __init__(
        self,
        num_heads: int,
        head_size: int,
        scale: float,
        num_kv_heads: int,
        alibi_slopes: list[float] | None,
        sliding_window: int | None,
        kv_cache_dtype: str,
        logits_soft_cap: float | None = None,
        attn_type: str = AttentionType.DECODER,
        kv_sharing_target_layer_name: str | None = None,
        sinks: torch.Tensor | None = None,
    ) -> None:
        # Names that vLLM reads from an implementation.
        self.num_heads, self.head_size, self.scale = num_heads, head_size, float(scale)
        self.num_kv_heads = num_kv_heads
        self.kv_cache_dtype = kv_cache_dtype
        self.attn_type = attn_type
        self.kv_sharing_target_layer_name = kv_sharing_target_layer_name
        self.sliding_window = sliding_window
        self.soft_cap = logits_soft_cap or 0.0
        self.alibi = torch.tensor(alibi_slopes, dtype=torch.float32) if alibi_slopes else None
        self.sinks = sinks

    def do_kv_cache_update(
        self,
        layer: Any,
        key: torch.Tensor,
        value: torch.Tensor,
        kv_cache: torch.Tensor,
        slot_mapping: torch.Tensor,
    ) -> None:
        """Store this step's keys and values `[tokens, num_kv_heads, head_size]`."""
        write_kv(key, value, kv_cache, slot_mapping)

    def forward(
        self,
        layer: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        kv_cache: torch.Tensor,
        attn_metadata: TorchPagedMetadata | None,
        output: torch.Tensor,
        output_scale: torch.Tensor | None = None,
        output_block_scale: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Attend `query` `[tokens, num_heads, head_size]`; fills and returns `output`."""
        if output_scale is not None or output_block_scale is not None:
            raise NotImplementedError("TORCH_PAGED does not quantise its output")
        if attn_metadata is None:  # vLLM's memory profiling run
            return output.fill_(0)
        n, meta = attn_metadata.num_tokens, attn_metadata
        paged_attention(
            query[:n],
            kv_cache,
            meta.block_table,
            meta.query_start,
            meta.seq_lens,
            self.scale,
            self._mask(meta.causal),
            output[:n].view(n, self.num_heads, self.head_size),
        )
        return output

    def _mask(self, causal: bool) -> Mask:
        return Mask(causal, self.sliding_window, self.soft_cap, self.alibi, self.sinks)
