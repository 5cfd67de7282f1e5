"""What is put into vLLM's registries, each thing once."""

from __future__ import annotations

from vllm.model_executor.kernels import linear as upstream
from vllm.model_executor.layers.quantization import register_quantization_config
from vllm.model_executor.layers.quantization.base_config import QuantizationConfig
from vllm.platforms import PlatformEnum

from vllm_gfx.linear.awq import GfxAWQConfig
from vllm_gfx.linear.compressed import GfxCompressedTensorsConfig
from vllm_gfx.linear.gptq import GfxGPTQConfig
from vllm_gfx.linear.kernel import GfxW4A16LinearKernel

CONFIGS: dict[str, type[QuantizationConfig]] = {
    "auto_gptq": GfxGPTQConfig,
    "gptq": GfxGPTQConfig,
    "gptq_marlin": GfxGPTQConfig,
    "auto_awq": GfxAWQConfig,
    "awq": GfxAWQConfig,
    "awq_marlin": GfxAWQConfig,
    "compressed-tensors": GfxCompressedTensorsConfig,
}
PLATFORMS = (PlatformEnum.OOT, PlatformEnum.ROCM)


def register() -> None:
    """Our kernel first for our platforms, our configs for the formats; again does nothing."""
    for platform in PLATFORMS:
        kernels = upstream._POSSIBLE_KERNELS.setdefault(platform, [])
        if GfxW4A16LinearKernel not in kernels:
            # register_linear_kernel appends; the first kernel that can is taken.
            kernels.insert(0, GfxW4A16LinearKernel)
    for name, config in CONFIGS.items():
        register_quantization_config(name)(config)
