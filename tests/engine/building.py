"""What vLLM makes of every geometry: its models built on the `meta` device, which holds no bytes.

`built()` runs this file in one child process, as a simulated card, and returns its findings.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from tests.shims.amd import simulate

GFX = "gfx1100"
EXPERTS = ("w13_qweight", "w2_qweight", "w13_weight_packed", "w2_weight_packed")


@dataclass(frozen=True)
class Built:
    """`linears`: how many layers have (last name, inputs, outputs, bits per weight, groups).

    `experts`: (experts, inputs, outputs) by name of their packed weight; `gigabytes`: of all
    parameters.
    """

    architecture: str
    quantisation: str | None
    dtype: str
    linears: list[list[Any]]
    experts: dict[str, list[int]]
    gigabytes: float


def built(names: list[str]) -> dict[str, Built]:
    """What vLLM builds for each geometry. Raises AssertionError with the child's output."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder, "found.json")
        child = simulate.python(GFX, "-m", "tests.engine.building", str(found), *names)
        assert child.returncode == 0, child.stdout[-2000:] + child.stderr[-6000:]
        return {k: Built(**v) for k, v in json.loads(found.read_text(encoding="utf-8")).items()}


def _inspect_here(architecture: str) -> None:
    """vLLM looks at a model class in a process of its own, which takes many seconds for each."""
    from vllm import ModelRegistry

    lazy = ModelRegistry.models[architecture]
    ModelRegistry.register_model(architecture, lazy.load_model_cls())


def _build(name: str, folder: Path) -> Built:
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

    geometry.write(name, folder)
    _inspect_here(geometry.get(name).config["architectures"][0])
    settings: dict[str, Any] = {"load_format": "dummy", "skip_tokenizer_init": True}
    config = EngineArgs(model=str(folder), max_model_len=2048, **settings).create_engine_config()
    with set_current_vllm_config(config):
        init_distributed_environment(1, 0, f"file://{folder}/rendezvous", 0, "gloo")
        initialize_model_parallel(1, 1)
        with set_default_torch_dtype(config.model_config.dtype), torch.device("meta"):
            model = initialize_model(config)
        found = _found(config.model_config, model)
        destroy_model_parallel()
        destroy_distributed_environment()
    return found


def _found(config: Any, model: torch.nn.Module) -> Built:
    from vllm.model_executor.layers.linear import LinearBase
    from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead

    linears: Counter[tuple[Any, ...]] = Counter()
    experts = {}
    for name, layer in model.named_modules():
        own = dict(layer.named_parameters(recurse=False))
        experts.update({k: _of_experts(p) for k, p in own.items() if k in EXPERTS})
        if isinstance(layer, ParallelLMHead):
            vocabulary, width = own["weight"].shape
            linears["lm_head", width, vocabulary, 16, 0] += 1
        elif isinstance(layer, LinearBase):
            short = ".".join(re.split(r"\.\d+\.", name)[-1].split(".")[-2:])
            linears[short, layer.input_size, layer.output_size, *_packed(layer, own)] += 1
    return Built(
        architecture=config.architectures[0],
        quantisation=config.quantization,
        dtype=str(config.dtype).removeprefix("torch."),
        linears=[[count, *key] for key, count in linears.items()],
        experts=experts,
        gigabytes=sum(p.numel() * p.element_size() for p in model.parameters()) / 1e9,
    )


def _of_experts(packed: torch.nn.Parameter) -> list[int]:
    count, outputs, words = packed.shape  # 4 bits a weight, packed along the inputs
    return [count, words * packed.element_size() * 2, outputs]


def _packed(layer: Any, own: dict[str, torch.nn.Parameter]) -> tuple[float, int]:
    """Bits per weight as stored, and how many weights share a scale; 0 where none do."""
    size = layer.input_size * layer.output_size
    scales = own.get("scales", own.get("weight_scale"))
    if scales is None:
        return 8 * own["weight"].element_size() * own["weight"].numel() / size, 0
    weight = own.get("qweight", own.get("weight_packed"))
    assert weight is not None
    return 8 * weight.element_size() * weight.numel() / size, size // scales.numel()


def _child(out: str, *names: str) -> None:
    import vllm_gfx.worker  # noqa: F401 - stands in for streams, as in a simulated card's process

    found = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = asdict(_build(name, Path(folder)))
    Path(out).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    _child(*sys.argv[1:])
