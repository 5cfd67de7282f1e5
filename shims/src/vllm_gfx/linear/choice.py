"""Asks vLLM's chooser before anything is loaded, so that a refusal comes from the configuration."""

from __future__ import annotations

import torch
from vllm.model_executor.kernels.linear import MPLinearLayerConfig, choose_mp_linear_kernel
from vllm.scalar_type import ScalarType

from vllm_gfx.linear import target

_OUTPUTS = 4096
_GROUPS = 32


def verify(what: str, weight_type: ScalarType, group_size: int, zero_points: bool) -> None:
    """Raise ValueError, naming `what`, if no kernel serves such weights in a layer of fit size."""
    shape = (_GROUPS * (128 if group_size < 1 else group_size), _OUTPUTS)
    config = MPLinearLayerConfig(shape, shape, weight_type, torch.float16, group_size, zero_points)
    with target.explained(what):
        choose_mp_linear_kernel(config)
