"""Tiny random models that an interpreter can run, and what transformers says about them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    DynamicCache,
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
)

from tests.support import packers

GROUP = 32
_SIZES = {
    "vocab_size": 256,
    "hidden_size": 128,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 64,
}
_QUANTISED = "_proj.weight"


class _RoundingCache(DynamicCache):
    """Gives back keys and values as a cache of `kind` would."""

    def __init__(self, kind: torch.dtype) -> None:
        super().__init__()
        self.kind = kind

    def update(self, keys: torch.Tensor, values: torch.Tensor, *rest: Any, **more: Any) -> Any:
        rounded = (t.to(self.kind).to(t.dtype) for t in (keys, values))
        return super().update(*rounded, *rest, **more)


@torch.inference_mode()
def greedy(network: torch.nn.Module, prompts: list[list[int]], count: int) -> list[list[int]]:
    found = []
    for ids in prompts:
        out = network.generate(torch.tensor([ids]), max_new_tokens=count, do_sample=False)
        found.append(out[0, len(ids) :].tolist())
    return found


@dataclass(frozen=True)
class Model:
    """`checkpoint` is what vLLM loads; `weights` what transformers runs, in float32."""

    checkpoint: Path
    weights: Path

    def network(self) -> torch.nn.Module:
        family = MixtralForCausalLM if "mixtral" in self.weights.name else LlamaForCausalLM
        network = family.from_pretrained(self.weights, dtype=torch.float32).eval()
        network.generation_config.eos_token_id = None
        return network

    def greedy(self, prompts: list[list[int]], count: int) -> list[list[int]]:
        return greedy(self.network(), prompts, count)

    @torch.inference_mode()
    def logprobs(self, prompt: list[int], new: list[int], kv: torch.dtype) -> torch.Tensor:
        """`[len(new), vocab]`: before each of the tokens that were generated, keys and values in
        `kv` between computing and using them."""
        cache = _RoundingCache(kv)
        logits = self.network()(torch.tensor([prompt + new]), past_key_values=cache).logits[0]
        return logits.log_softmax(-1)[len(prompt) - 1 : -1]


def _save(network: torch.nn.Module, folder: Path, seed: int) -> Model:
    generator = torch.Generator().manual_seed(seed)
    for weight in network.parameters():
        if weight.dim() > 1:
            # Half precision values, so that float16 runs see the very same weights.
            torch.nn.init.normal_(weight, std=0.12, generator=generator)
            weight.data = weight.data.half().float()
    network.save_pretrained(folder)
    return Model(folder, folder)


def llama(folder: Path, layers: int = 2) -> Model:
    config = LlamaConfig(**_SIZES, num_hidden_layers=layers)
    return _save(LlamaForCausalLM(config), folder / "llama", seed=1)


def mixtral(folder: Path) -> Model:
    config = MixtralConfig(
        **_SIZES, num_hidden_layers=1, num_local_experts=4, num_experts_per_tok=2
    )
    return _save(MixtralForCausalLM(config), folder / "mixtral", seed=2)


def _quantised(folder: Path, name: str, config: dict[str, object], pack: _Pack) -> Model:
    base = llama(folder, layers=1)
    made = Model(folder / name, folder / f"{name}-dense")
    for target in (made.checkpoint, made.weights):
        shutil.copytree(base.checkpoint, target)
    dense = load_file(base.checkpoint / "model.safetensors")
    packed: packers.Tensors = {}
    for at, key in enumerate(sorted(k for k in dense if k.endswith(_QUANTISED))):
        n, k = dense[key].shape
        weight = packers.weight(n, k, GROUP, zeros=name == "awq", seed=at)
        dense[key] = torch.from_numpy(weight.dense(torch.float16)).float()
        stem = key.removesuffix("weight")
        packed |= {stem + part: tensor for part, tensor in pack(weight).items()}
    rest = {k: v.half() for k, v in dense.items() if not k.endswith(_QUANTISED)}
    save_file(dense, made.weights / "model.safetensors", {"format": "pt"})
    save_file(packed | rest, made.checkpoint / "model.safetensors", {"format": "pt"})
    described = json.loads((made.checkpoint / "config.json").read_text(encoding="utf-8"))
    described["quantization_config"] = {"bits": 4, "group_size": GROUP, **config}
    (made.checkpoint / "config.json").write_text(json.dumps(described), encoding="utf-8")
    return made


_Pack = Callable[[packers.Weight], packers.Tensors]


def gptq(folder: Path) -> Model:
    config = {"quant_method": "gptq", "sym": True, "desc_act": False}
    return _quantised(folder, "gptq", config, packers.gptq)


def awq(folder: Path) -> Model:
    config = {"quant_method": "awq", "zero_point": True, "version": "gemm"}
    return _quantised(folder, "awq", config, packers.awq)
