"""vLLM's state that a lone layer needs: our registrations, a config, a world of one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import vllm_gfx
from vllm.config import VllmConfig, set_current_vllm_config
from vllm.distributed import parallel_state


@pytest.fixture(scope="session", autouse=True)
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    vllm_gfx.register()
    store = Path(tmp_path_factory.mktemp("world")) / "store"
    with set_current_vllm_config(VllmConfig()):
        parallel_state.init_distributed_environment(
            world_size=1,
            rank=0,
            distributed_init_method=store.as_uri(),
            local_rank=0,
            backend="gloo",
        )
        parallel_state.initialize_model_parallel()
        yield
        parallel_state.destroy_model_parallel()
        parallel_state.destroy_distributed_environment()
