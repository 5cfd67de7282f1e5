"""Our mixed-precision kernel, as vLLM's linear-kernel registry wants it."""

from __future__ import annotations

import torch
from gfx_kernels import w4a16_linear
from gfx_kernels.w4 import layout
from vllm.model_executor.kernels.linear import MPLinearKernel, MPLinearLayerConfig
from vllm.model_executor.layers.quantization.utils import replace_parameter
from vllm.scalar_type import scalar_types

from vllm_gfx.linear import repack, target


class GfxW4A16LinearKernel(MPLinearKernel):
    """4-bit weights in groups, symmetric or with zero points, through `gfx::w4a16_linear`."""

    # The activation order of GPTQ's desc_act is applied by the op, not by the linear method.
    takes_order = True

    @classmethod
    def get_min_capability(cls) -> int:
        return -1  # what a target can do is in its variant file, not in a capability number

    @classmethod
    def can_implement(cls, c: MPLinearLayerConfig) -> tuple[bool, str | None]:
        """Whether the op serves `c` on this target, else why not."""
        reason = target.no_kernel(w4a16_linear) or _wrong_type(c) or _wrong_shape(c)
        return reason is None, reason

    def describe(self) -> str:
        """What computes this layer, for the report."""
        return w4a16_linear.describe(target.name())

    def process_weights_after_loading(self, layer: torch.nn.Module) -> None:
        """Repack the checkpoint's tensors into the layout of `gfx_kernels.w4`.

        Raises ValueError where scales are not finite.
        """
        weight, scales, zeros = self._get_weight_params(layer)
        replace_parameter(layer, self.w_q_name, repack.weight(weight))
        replace_parameter(layer, self.w_s_name, repack.scales(scales))
        if self.config.zero_points:
            replace_parameter(layer, self.w_zp_name, repack.zeros(zeros))

    def apply_weights(
        self, layer: torch.nn.Module, x: torch.Tensor, bias: torch.Tensor | None = None
    ) -> torch.Tensor:
        """`x` `[..., k]` to `[..., n]`, in the dtype of `x`."""
        weight, scales, zeros = self._get_weight_params(layer)
        return w4a16_linear.w4a16_linear(
            x.contiguous(),
            weight,
            scales,
            zeros if self.config.zero_points else None,
            getattr(layer, "input_order", None),
            bias,
            self.config.group_size,
            self.config.partition_weight_shape[1],
        )


def _wrong_type(c: MPLinearLayerConfig) -> str | None:
    weight = scalar_types.uint4 if c.zero_points else scalar_types.uint4b8
    if c.weight_type != weight:
        points = "with" if c.zero_points else "without"
        return f"weights {points} zero points must be {weight}, these are {c.weight_type}"
    if c.act_type not in w4a16_linear.DTYPES:
        names = ", ".join(str(d) for d in w4a16_linear.DTYPES)
        return f"activations must be one of {names}, these are {c.act_type}"
    return None


def _wrong_shape(c: MPLinearLayerConfig) -> str | None:
    k, n = c.partition_weight_shape
    return layout.why_not(n, k, c.group_size)
