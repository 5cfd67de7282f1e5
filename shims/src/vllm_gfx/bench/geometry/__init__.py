"""Checkpoints with the true shapes of published models and no weights, for benchmarks.

    python -m vllm_gfx.bench.geometry qwen2.5-7b-gptq-int4 OUT

writes a folder of configuration files, to be loaded with `--load-format dummy
--skip-tokenizer-init`: vLLM makes the weights up. What is generated is noise; how long it takes is
not, because no kernel of ours or upstream's looks at the values.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from vllm_gfx.bench.geometry.quantisation import FORMATS
from vllm_gfx.refusal import Refusal

_MODELS = Path(__file__).with_name("models.yaml")
_IDS = ("bos_token_id", "eos_token_id")


@dataclass(frozen=True)
class Geometry:
    """One checkpoint: its name, its model's entry in gfx_kernels/shapes.yaml, its config.json."""

    name: str
    shapes: str
    config: dict[str, Any]


@cache
def all_geometries() -> dict[str, Geometry]:
    """Every checkpoint that can be written, by name."""
    models = yaml.safe_load(_MODELS.read_text(encoding="utf-8"))
    found = [
        Geometry(name, model["shapes"], {**model["config"], **_quantised(quantised)})
        for model in models.values()
        for name, quantised in model["checkpoints"].items()
    ]
    return {geometry.name: geometry for geometry in found}


def _quantised(how: dict[str, Any] | None) -> dict[str, Any]:
    if how is None:
        return {}
    stated = FORMATS[how["format"]](how["group_size"], how.get("dense", ()))
    return {"quantization_config": stated}


def get(name: str) -> Geometry:
    """The geometry called `name`. Raises Refusal for a name that is not in models.yaml."""
    if found := all_geometries().get(name):
        return found
    known = ", ".join(all_geometries())
    raise Refusal(f"there is no geometry {name!r}", f"known ones: {known}")


def write(name: str, out: Path, layers: int | None = None) -> Path:
    """Write the files of geometry `name` into the folder `out` and return it.

    `layers` keeps only that many layers, for tests. Raises Refusal for an unknown name, a number
    of layers that the model does not have, and a folder that holds something else.
    """
    config = dict(get(name).config)
    if layers is not None:
        if not 0 < layers <= config["num_hidden_layers"]:
            most = config["num_hidden_layers"]
            raise Refusal(f"{layers} layers of {name}", f"give a number from 1 to {most}")
        config["num_hidden_layers"] = layers
    _folder(out)
    _json(out / "config.json", config)
    _json(out / "generation_config.json", {key: config[key] for key in _IDS if key in config})
    return out


def _folder(out: Path) -> None:
    """An empty folder, or one that this wrote before: never somebody's checkpoint."""
    if out.is_file():
        raise Refusal(f"{out} is a file", "name a folder")
    out.mkdir(parents=True, exist_ok=True)
    strange = sorted(p.name for p in out.iterdir() if p.name not in _FILES)
    if strange:
        raise Refusal(f"{out} holds {strange[0]}", "name a new folder")


_FILES = ("config.json", "generation_config.json")


def _json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
