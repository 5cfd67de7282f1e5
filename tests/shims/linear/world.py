"""vLLM's state that a lone layer needs: our registrations, a config, a world of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import vllm_gfx
from vllm.config import VllmConfig, set_current_vllm_config
from vllm.distributed import parallel_state


@contextmanager
def of_one(folder: Path) -> Iterator[None]:
    """A process group of this process alone; its rendezvous file goes into `folder`."""
    vllm_gfx.register()
    with set_current_vllm_config(VllmConfig()):
        parallel_state.init_distributed_environment(
            world_size=1,
            rank=0,
            distributed_init_method=(folder / "store").as_uri(),
            local_rank=0,
            backend="gloo",
        )
        parallel_state.initialize_model_parallel()
        yield
        parallel_state.destroy_model_parallel()
        parallel_state.destroy_distributed_environment()
