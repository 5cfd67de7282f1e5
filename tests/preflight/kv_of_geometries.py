"""What one longest request keeps in the KV cache: by the layers that vLLM builds, and by `need`.

`asked(names)` runs this file in one child process, as a simulated card.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from tests.engine import building
from tests.shims.amd import simulate

LENGTH = 8192


def asked(names: list[str]) -> dict[str, tuple[int, int]]:
    """(upstream's bytes, ours) by geometry. Raises AssertionError with the child's output."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder, "found.json")
        module = "tests.preflight.kv_of_geometries"
        child = simulate.python(building.GFX, "-m", module, str(found), *names)
        assert child.returncode == 0, child.stdout[-2000:] + child.stderr[-6000:]
        return {k: (v[0], v[1]) for k, v in json.loads(found.read_text("utf-8")).items()}


def _both(name: str, folder: Path) -> tuple[int, int]:
    from vllm.config import set_current_vllm_config
    from vllm.distributed import (
        destroy_distributed_environment,
        destroy_model_parallel,
        init_distributed_environment,
        initialize_model_parallel,
    )
    from vllm.engine.arg_utils import EngineArgs
    from vllm.model_executor.model_loader.utils import initialize_model
    from vllm.utils.torch_utils import set_default_torch_dtype
    from vllm_gfx.bench import geometry
    from vllm_gfx.preflight import need

    geometry.write(name, folder)
    building._inspect_here(geometry.get(name).config["architectures"][0])
    settings: dict[str, Any] = {"load_format": "dummy", "skip_tokenizer_init": True}
    config = EngineArgs(model=str(folder), max_model_len=LENGTH, **settings).create_engine_config()
    with set_current_vllm_config(config):
        init_distributed_environment(1, 0, f"file://{folder}/rendezvous", 0, "gloo")
        initialize_model_parallel(1, 1)
        with set_default_torch_dtype(config.model_config.dtype), torch.device("meta"):
            model = initialize_model(config)
        found = _of_layers(config, model), need.of(config).kv(LENGTH)
        destroy_model_parallel()
        destroy_distributed_environment()
    return found


def _of_layers(config: Any, model: torch.nn.Module) -> int:
    """Upstream's sum over the layers with attention, without the states of recurrent ones."""
    from vllm.model_executor.layers.attention_layer_base import AttentionLayerBase
    from vllm.v1.kv_cache_interface import AttentionSpec

    layers = [m for m in model.modules() if isinstance(m, AttentionLayerBase)]
    specs = [layer.get_kv_cache_spec(config) for layer in layers]
    kept = [spec for spec in specs if isinstance(spec, AttentionSpec)]
    return sum(spec.max_memory_usage_bytes(config) for spec in kept)


def _child(out: str, *names: str) -> None:
    import vllm_gfx.worker  # noqa: F401 - stands in for streams, as in a simulated card's process

    found = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = _both(name, Path(folder))
    Path(out).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    _child(*sys.argv[1:])
