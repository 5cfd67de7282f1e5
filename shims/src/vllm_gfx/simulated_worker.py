"""The worker of a simulated card: the cpu target's, with the model runner that a GPU would get."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from vllm_gfx.worker import GfxCpuWorker


class SimulatedWorker(GfxCpuWorker):
    """Runs upstream's V2 runner (the GPU default) or, where vLLM picks it, the V1 runner."""

    def _make_model_runner(self) -> Any:
        if not self.use_v2_model_runner:
            return super()._make_model_runner()
        from vllm.v1.worker.cpu.model_runner import CPUModelRunner

        return CPUModelRunner(self.vllm_config, self.device)

    def _scoped_allocator_max_split(self, max_split_size_mb: int) -> AbstractContextManager[None]:
        return nullcontext()  # there is no device allocator to tune
