"""Write one complete quantised checkpoint folder from the trained one."""

import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from . import awq, compressed_tensors, gptq
from .grid import Quantised, by_importance, in_order, quantise

Weights = dict[str, NDArray[Any]]

FORMATS: dict[str, ModuleType] = {
    "gptq": gptq,
    "awq": awq,
    "compressed_tensors": compressed_tensors,
}
# Layers that read the same input; an engine that joins them needs one order of inputs for all.
SIBLINGS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"), ("o_proj",), ("down_proj",))


def is_linear(name: str) -> bool:
    """Return whether the tensor is a linear layer's weight; the embedding stays as it is."""
    return name.endswith("_proj.weight")


def importance(weights: Weights, name: str) -> NDArray[Any]:
    """Return the summed squares of each input's weights over the layer and its siblings."""
    block, layer, _ = name.rsplit(".", 2)
    siblings = next(group for group in SIBLINGS if layer in group)
    joined = np.concatenate([weights[f"{block}.{sibling}.weight"] for sibling in siblings])
    return np.square(joined.astype(np.float64)).sum(axis=0)


def quantised(weights: Weights, name: str, spec: dict[str, Any]) -> Quantised:
    """Return one layer on its grid."""
    size = spec["group_size"]
    if spec.get("desc_act"):
        groups = by_importance(importance(weights, name), size)
    else:
        groups = in_order(weights[name].shape[1], size)
    return quantise(weights[name], groups, spec["symmetric"])


def tensors(weights: Weights, spec: dict[str, Any]) -> Weights:
    """Return every tensor of the quantised checkpoint."""
    kept = {name: weight for name, weight in weights.items() if not is_linear(name)}
    for name in filter(is_linear, weights):
        packed = FORMATS[spec["format"]].tensors(quantised(weights, name, spec))
        stem = name.removesuffix("weight")
        kept |= {stem + part: tensor for part, tensor in packed.items()}
    return kept


def copy_files(model: Path, out: Path) -> None:
    """Copy everything but the weights and config.json: tokenizer, template, sampling defaults."""
    out.mkdir(parents=True)
    for file in sorted(model.iterdir()):
        if file.name not in ("config.json", "model.safetensors"):
            shutil.copyfile(file, out / file.name)


def write(model: Path, out: Path, spec: dict[str, Any]) -> None:
    """Write the copy described by a row of copies.toml to the new folder `out`."""
    copy_files(model, out)
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = FORMATS[spec["format"]].config(spec)
    text = json.dumps(config, indent=2) + "\n"
    (out / "config.json").write_text(text, encoding="utf-8", newline="\n")
    weights = load_file(model / "model.safetensors")
    packed = save(tensors(weights, spec), metadata={"format": "pt"})
    (out / "model.safetensors").write_bytes(packed)
