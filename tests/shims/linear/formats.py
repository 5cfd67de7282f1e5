"""The checkpoint formats the layer tests run: a config as in config.json, and a packer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from vllm.model_executor.layers.quantization import get_quantization_config

from tests.support import packers


@dataclass(frozen=True)
class Format:
    """`method` is vLLM's name; the rest makes checkpoints of that format."""

    method: str
    config: dict[str, Any]
    pack: Callable[[packers.Weight], packers.Tensors]
    group_size: int
    zeros: bool = False
    shuffled: bool = False

    def weight(self, n: int, k: int, seed: int = 0) -> packers.Weight:
        return packers.weight(
            n, k, self.group_size, zeros=self.zeros, shuffled=self.shuffled, seed=seed
        )

    def quant_config(self) -> Any:
        return get_quantization_config(self.method).from_config(dict(self.config))


def gptq(
    group_size: int, *, sym: bool = True, desc_act: bool = False, v2: bool = False, **more: Any
) -> Format:
    config = {
        "quant_method": "gptq",
        "bits": 4,
        "group_size": group_size,
        "sym": sym,
        "desc_act": desc_act,
        "checkpoint_format": "gptq_v2" if v2 else "gptq",
        **more,
    }
    pack = partial(packers.gptq, v2=v2)
    return Format("auto_gptq", config, pack, group_size, zeros=not sym, shuffled=desc_act)


def awq(group_size: int, **more: Any) -> Format:
    config = {
        "quant_method": "awq",
        "bits": 4,
        "group_size": group_size,
        "zero_point": True,
        "version": "gemm",
        **more,
    }
    return Format("auto_awq", config, packers.awq, group_size, zeros=True)


def compressed(group_size: int, *, sym: bool = True, form: str = "pack-quantized") -> Format:
    channel = group_size == -1
    weights = {
        "num_bits": 4,
        "type": "int",
        "symmetric": sym,
        "strategy": "channel" if channel else "group",
        "group_size": None if channel else group_size,
    }
    config = {
        "quant_method": "compressed-tensors",
        "format": form,
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
        "ignore": ["lm_head"],
    }
    pack = partial(packers.compressed, zeros=not sym)
    return Format("compressed-tensors", config, pack, group_size, zeros=not sym)


FORMATS = {
    **{f"gptq-g{g}": gptq(g) for g in (32, 64, 128, -1)},
    **{f"gptq-asym-g{g}": gptq(g, sym=False) for g in (32, 128, -1)},
    "gptq-asym-v2": gptq(32, sym=False, v2=True),
    "gptq-desc-act": gptq(64, desc_act=True),
    "gptq-desc-act-asym": gptq(32, desc_act=True, sym=False),
    **{f"awq-g{g}": awq(g) for g in (32, 128, -1)},
    **{f"ct-sym-g{g}": compressed(g) for g in (32, 128, -1)},
    **{f"ct-asym-g{g}": compressed(g, sym=False) for g in (32, 128, -1)},
}
