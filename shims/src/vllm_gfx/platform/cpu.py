"""The `cpu` target: real vLLM on plain PyTorch, for correctness anywhere. Never for speed.

Upstream's own CPU platform needs its compiled extension. This one takes that platform's answers
where they need nothing compiled (memory, LoRA, communication), and is an out-of-tree platform for
vLLM, so that no branch of upstream's reaches for the extension.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vllm.platforms.cpu import CpuPlatform
from vllm.platforms.interface import Platform, PlatformEnum

from vllm_gfx import attention, checkpoint, linear
from vllm_gfx.vram.platform import RefusingMixin

if TYPE_CHECKING:
    from vllm.config import VllmConfig


class GfxCpuPlatform(RefusingMixin, CpuPlatform):
    """Reference platform. Every override says which compiled thing it does without."""

    _enum = PlatformEnum.OOT
    # vLLM uses this as the torch device string of an out-of-tree platform.
    device_name = "cpu"
    # inductor's CPU code needs a C++ compiler, which users do not have.
    simple_compile_backend = "eager"

    @classmethod
    def import_kernels(cls) -> None:
        """There is no compiled extension to import."""

    @classmethod
    def verify_quantization(cls, quant: str) -> None:
        """Raises ValueError for a format that the reference layers cannot read."""
        linear.verify_quantization(quant)

    @classmethod
    def get_attn_backend_cls(
        cls, selected_backend: Any, attn_selector_config: Any, num_heads: int | None = None
    ) -> str:
        """The reference backend. Raises ValueError if another is asked for, or it cannot serve."""
        if selected_backend is not None and selected_backend.name != attention.TORCH_PAGED:
            raise ValueError(
                f"attention backend {selected_backend.name} does not run on the cpu target; "
                f"leave --attention-backend out, or ask for {attention.TORCH_PAGED}"
            )
        from vllm_gfx.attention.torch_paged import TorchPagedBackend

        reasons = TorchPagedBackend.validate_configuration(
            device_capability=None, **attn_selector_config._asdict()
        )
        if reasons:
            raise ValueError(f"the cpu target cannot serve this attention: {', '.join(reasons)}")
        return attention.TORCH_PAGED_PATH

    @classmethod
    def check_and_update_config(cls, vllm_config: VllmConfig) -> None:
        """Eager execution, one process per worker, our worker class.

        Raises ValueError for a checkpoint that cannot be loaded and for what is not served here.
        """
        from vllm.config import CompilationMode, CUDAGraphMode

        checkpoint.check_configured(vllm_config)
        cls._refuse(vllm_config)
        attention.register()
        compilation = vllm_config.compilation_config
        compilation.mode = CompilationMode.NONE
        compilation.cudagraph_mode = CUDAGraphMode.NONE
        compilation.cudagraph_capture_sizes = []
        vllm_config.scheduler_config.async_scheduling = False
        parallel = vllm_config.parallel_config
        if parallel.worker_cls == "auto":
            parallel.worker_cls = "vllm_gfx.worker.GfxCpuWorker"
        # A forked child would inherit torch's OpenMP threads in an unusable state.
        os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")

    @classmethod
    def _refuse(cls, vllm_config: VllmConfig) -> None:
        """Before any process is started: there it would end in a traceback."""
        from vllm_gfx.attention.torch_paged import TorchPagedBackend

        kv_cache = vllm_config.cache_config.cache_dtype
        if not TorchPagedBackend.supports_kv_cache_dtype(kv_cache):
            served = ", ".join(TorchPagedBackend.supported_kv_cache_dtypes)
            raise ValueError(f"--kv-cache-dtype {kv_cache}: the cpu target serves {served}")
        if vllm_config.speculative_config is not None:
            # vLLM judges what was proposed in kernels of Triton, or of its compiled extension.
            raise ValueError(
                "the cpu target has no speculative decoding; leave --speculative-config and "
                "--spec-* out, and of a speculator's checkpoint name the model it is for"
            )
        if (model := vllm_config.model_config) is not None and model.get_num_experts() > 1:
            # Upstream leaves the experts of a platform it does not know to that platform.
            raise ValueError("the cpu target has no mixtures of experts; a gfx target serves them")
        if (workers := vllm_config.parallel_config.world_size) > 1:
            raise ValueError(
                f"{workers} workers asked for: the cpu target has one; leave out "
                "--tensor-parallel-size and --pipeline-parallel-size"
            )

    @classmethod
    def update_block_size_for_backend(cls, vllm_config: VllmConfig) -> None:
        Platform.update_block_size_for_backend.__func__(cls, vllm_config)

    @classmethod
    def register_triton_kernel_overrides(cls) -> None:
        """The one core Triton kernel that the V1 model runner launches, in PyTorch."""
        from vllm.triton_utils.dispatcher import register_kernels

        from vllm_gfx.ops.slot_mapping import compute_slot_mapping

        name = "vllm.v1.worker.block_table.ComputeSlotMappingKernel.kernel"
        register_kernels({name: compute_slot_mapping})
