"""vLLM's groups on a torch without torch.distributed, if tests/support/no_c10d is on PYTHONPATH."""

from __future__ import annotations

import json

import torch
import torch.distributed
from vllm.config import VllmConfig, set_current_vllm_config
from vllm.distributed import parallel_state
from vllm_gfx import apply


def main() -> None:
    """Make the world and the groups as an engine does, and reduce a tensor."""
    with set_current_vllm_config(VllmConfig()):
        parallel_state.init_distributed_environment(1, 0, "tcp://127.0.0.1:1", 0, "gloo")
        parallel_state.ensure_model_parallel_initialized(1, 1)
        group = parallel_state.get_tp_group()
        given = torch.arange(4.0)
        torch.distributed.all_reduce(reduced := given.clone(), group=group.device_group)
        said = {
            "available": torch.distributed.is_available(),
            "shims": apply.active(),
            "world": [group.world_size, group.rank_in_group, group.ranks],
            "same": torch.equal(given, reduced),
        }
        parallel_state.destroy_model_parallel()
        parallel_state.destroy_distributed_environment()
    print(json.dumps(said | {"left": torch.distributed.is_initialized()}))


main()
