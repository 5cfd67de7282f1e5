"""Questions to a simulated card, as code for `simulate.ask`; each leaves its findings in `answer`.

`upstream_*` is what vLLM's own RocmPlatform would do in this build: when it no longer differs, the
override that this file is about can go.
"""

# rocm_unquantized_gemm sends CPU tensors elsewhere; its body is what a GPU runs.
DECODE_GEMM = """
import torch
from vllm.platforms import current_platform
current_platform.get_device_capability()
from vllm.model_executor.layers.utils import rocm_unquantized_gemm_impl

x, w = torch.randn(1, 64).half(), torch.randn(32, 64).half()
try:
    answer = torch.equal(rocm_unquantized_gemm_impl(x, w, None), x @ w.t())
except AttributeError as error:
    answer = str(error)
decode_gemm = answer
"""

_DEFAULTS = """
import os, torch
from vllm.platforms import current_platform as ours
from vllm.platforms.rocm import RocmPlatform
from vllm.v1.attention.backends.registry import AttentionBackendEnum
from vllm.v1.attention.selector import AttentionSelectorConfig
from vllm_gfx.platform.rocm import GfxRocmPlatform

def message(call, *args):
    try:
        call(*args)
    except Exception as error:
        return f"{type(error).__name__}: {error}"

attention = AttentionSelectorConfig(
    head_size=128, dtype=torch.float16, kv_cache_dtype="auto", block_size=16
)
mla = attention._replace(use_mla=True, head_size=576)

import vllm_gfx
from vllm.model_executor.kernels.linear import MPLinearLayerConfig, choose_mp_linear_kernel
from vllm.model_executor.kernels.linear import ExllamaLinearKernel
from vllm.scalar_type import scalar_types

layer = MPLinearLayerConfig(
    full_weight_shape=(256, 256), partition_weight_shape=(256, 256),
    weight_type=scalar_types.uint4b8, act_type=torch.float16, group_size=128,
    zero_points=False,
)
upstream_linear = choose_mp_linear_kernel(layer).__name__
upstream_exllama = ExllamaLinearKernel.can_implement(layer)[0]
vllm_gfx.register()

from vllm.config import CompilationConfig, PassConfig, VllmConfig
config = VllmConfig()
fused = lambda: VllmConfig(
    compilation_config=CompilationConfig(pass_config=PassConfig(fuse_norm_quant=True))
)
import vllm.compilation.passes.pass_manager
from vllm import envs

answer = {
    "class": type(ours).__name__,
    "rocm": ours.is_rocm(),
    "capability": list(ours.get_device_capability()),
    "attention": ours.get_attn_backend_cls(None, attention),
    "upstream_attention": RocmPlatform.get_attn_backend_cls(None, attention),
    "explicit_attention": message(
        ours.get_attn_backend_cls, AttentionBackendEnum.ROCM_ATTN, attention
    ),
    "mla": message(ours.get_attn_backend_cls, None, mla),
    "linear": choose_mp_linear_kernel(layer).__name__,
    "upstream_linear": upstream_linear,
    "exllama": ExllamaLinearKernel.can_implement(layer)[0],
    "upstream_exllama": upstream_exllama,
    "skinny": envs.VLLM_ROCM_USE_SKINNY_GEMM,
    "pinned": GfxRocmPlatform.is_pin_memory_available(),
    "amdsmi": message(__import__, "amdsmi"),
    "name": ours.get_device_name(),
    "uuid": ours.get_device_uuid(),
    "memory": ours.get_device_total_memory(),
    "connected": ours.is_fully_connected([0]),
    "numa": ours.get_all_device_numa_nodes(),
    "upstream_name": message(RocmPlatform.get_device_name),
    "fp8": ours.supports_fp8(),
    "fnuz": ours.is_fp8_fnuz(),
    "custom_allreduce": ours.use_custom_allreduce(),
    "custom_ops": config.compilation_config.custom_ops,
    "passes": {k: v for k, v in vars(config.compilation_config.pass_config).items() if v is True},
    "explicit_pass": message(fused),
    "ir": list(config.kernel_config.ir_op_priority.rms_norm),
    "worker": config.parallel_config.worker_cls,
    "decode_gemm": decode_gemm,
}
"""

DEFAULTS = DECODE_GEMM + _DEFAULTS

PASSES_WITHOUT_OUR_OPS = """
from vllm_gfx.ops import library
library.install = lambda: None
from vllm.platforms import current_platform
current_platform.is_rocm()
try:
    import vllm.compilation.passes.pass_manager
    answer = ""
except AttributeError as error:
    answer = str(error)
"""

CONFIG = "from vllm.config import VllmConfig\nVllmConfig()\nanswer = True"
