"""The worker of the `cpu` target: upstream's CPU worker without its compiled extension."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

# Must come before other vLLM worker modules: importing it replaces torch.cuda's streams and events.
from vllm.v1.worker.cpu_worker import CPUWorker  # isort: skip

import psutil
import torch
from vllm.platforms import current_platform
from vllm.utils.mem_constants import GiB_bytes
from vllm.utils.torch_utils import set_random_seed
from vllm.v1.worker.gpu_worker import Worker, init_worker_distributed_environment

from vllm_gfx.gpu_worker import ReportMixin
from vllm_gfx.vram.worker import WatchMixin

# KV cache where the user names no size: a demo's worth, never the whole machine.
_DEFAULT_KV_BYTES = GiB_bytes


class GfxCpuWorker(ReportMixin, WatchMixin, CPUWorker):
    """Loads and runs the model on CPU with one thread pool, as torch configured it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Past CPUWorker.__init__: it pins memory and threads through torch.ops._C and lscpu.
        Worker.__init__(self, *args, **kwargs)
        self.parallel_config.disable_custom_all_reduce = True

    def init_device(self) -> None:
        """Distributed state, seed, scratch memory and model runner on `cpu`."""
        self.device = torch.device("cpu")
        init_worker_distributed_environment(
            self.vllm_config,
            self.rank,
            self.distributed_init_method,
            self.local_rank,
            current_platform.dist_backend,
        )
        set_random_seed(self.model_config.seed)
        self._init_workspace_and_model_runner()

    def _make_model_runner(self) -> Any:
        from vllm.v1.worker.cpu_model_runner import CPUModelRunner

        return CPUModelRunner(self.vllm_config, self.device)

    def determine_available_memory(self) -> int:
        """Bytes for the KV cache: what was asked for, else one longest sequence or the default."""
        available = psutil.virtual_memory().available
        asked = self.cache_config.kv_cache_memory_bytes
        if asked is None:
            specs = self.get_kv_cache_spec().values()
            longest = sum(spec.max_memory_usage_bytes(self.vllm_config) for spec in specs)
            return int(min(max(_DEFAULT_KV_BYTES, longest), available // 2))
        if asked > available:
            raise ValueError(
                f"--kv-cache-memory-bytes asks for {asked / GiB_bytes:.1f} GiB, "
                f"{available / GiB_bytes:.1f} GiB are free; ask for less"
            )
        return int(asked)

    def _maybe_get_memory_pool_context(self, tag: str) -> AbstractContextManager[None]:
        return nullcontext()  # upstream asks for a CUDA allocator on any out-of-tree platform
