"""The tensors of a GPTQ layer: their parameters, and what only this format does to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from gfx_kernels.w4 import nibbles
from gfx_kernels.w4a16_linear import checkpoint
from vllm.model_executor.kernels.linear import MPLinearLayerConfig
from vllm.model_executor.parameter import (
    ChannelQuantScaleParameter,
    GroupQuantScaleParameter,
    PackedColumnParameter,
    PackedvLLMParameter,
    RowvLLMParameter,
)

_UNSET = -1


class GroupIndexParameter(RowvLLMParameter):
    """`g_idx`, the group of each input; the parts of a fused layer must agree on it."""

    def load_merged_column_weight(self, loaded_weight: torch.Tensor, **_: Any) -> None:
        """Take the first part's index and compare the others. Raises ValueError if they differ."""
        if int(self.data[0]) != _UNSET and not torch.equal(self.data, loaded_weight.to(self.data)):
            raise ValueError(
                "the parts of a fused layer (q/k/v or gate/up) were quantised in different "
                "activation orders, which no kernel here can serve; quantise them together"
            )
        self._assert_and_load(loaded_weight)

    load_qkv_weight = load_merged_column_weight


def create(
    layer: torch.nn.Module, config: MPLinearLayerConfig, ordered: bool, loader: Callable[..., None]
) -> None:
    """Register empty parameters in checkpoint form. Raises ValueError if sizes do not divide."""
    k, n = config.partition_weight_shape
    whole_k = config.full_weight_shape[0]
    size = whole_k if config.group_size == -1 else config.group_size
    if k % nibbles.PER_WORD or n % nibbles.PER_WORD or whole_k % size:
        raise ValueError(f"GPTQ cannot pack {k} x {n} in groups of {config.group_size}")
    if ordered and k != whole_k:
        raise ValueError("GPTQ desc_act needs --tensor-parallel-size 1: shards split groups")
    shared = k != whole_k and config.group_size == -1  # every rank has the one group
    groups = (whole_k if shared else k) // size
    scales = torch.empty(groups, n, dtype=config.act_type)
    zeros = torch.empty(groups, n // nibbles.PER_WORD, dtype=torch.int32)
    words = torch.empty(k // nibbles.PER_WORD, n, dtype=torch.int32)
    packed: dict[str, Any] = {"packed_factor": nibbles.PER_WORD, "weight_loader": loader}
    layer.qweight = PackedvLLMParameter(
        data=words, input_dim=0, output_dim=1, packed_dim=0, **packed
    )
    if shared:
        layer.scales = ChannelQuantScaleParameter(data=scales, output_dim=1, weight_loader=loader)
        layer.qzeros = PackedColumnParameter(data=zeros, output_dim=1, packed_dim=1, **packed)
    else:
        layer.scales = GroupQuantScaleParameter(
            data=scales, input_dim=0, output_dim=1, weight_loader=loader
        )
        layer.qzeros = PackedvLLMParameter(
            data=zeros, input_dim=0, output_dim=1, packed_dim=1, **packed
        )
    if ordered:
        index = torch.full((k,), _UNSET, dtype=torch.int32)
        layer.g_idx = GroupIndexParameter(data=index, input_dim=0, weight_loader=loader)


def add_one(qzeros: torch.nn.Parameter) -> None:
    """Zero points of the v1 format are stored minus one, modulo 16; make them true, in place."""
    values = nibbles.unpack(qzeros.data)
    qzeros.data.copy_(nibbles.pack(checkpoint.true_zeros(values)))


def sort_by_group(layer: torch.nn.Module, group_size: int) -> None:
    """Bring inputs of a group together; `layer.input_order` is where each came from.

    Leaves the layer unordered where `g_idx` is in order already. Raises ValueError if the groups
    are not all of `group_size`.
    """
    order = checkpoint.group_order(layer.g_idx.data, group_size)
    del layer.g_idx
    if order is None:
        return
    values = nibbles.unpack(layer.qweight.data.t())[:, order]
    layer.qweight.data.copy_(nibbles.pack(values).t())
    layer.register_buffer("input_order", order.to(torch.int32), persistent=False)
