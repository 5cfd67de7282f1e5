"""How many bytes a checkpoint's weights take on the GPU, from the headers of its files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

_FLOATS = ("F64", "F32", "F16", "BF16")  # these are loaded in the model's own dtype
# 4-bit groups of 128: 4 bits, and a 16-bit scale and a 4-bit zero point for each group.
_BITS_OF_4BIT = 4 + 20 / 128
# What 4-bit copies keep as it is, and what a model with no speculation does not load.
_NEVER_4BIT = ("embed", "lm_head", "norm", "router", "gate.weight", "visual", "vision")
_NOT_LOADED = ("mtp.", "model.mtp.")
_LAYER = re.compile(r"(?:model\.)?(?:language_model\.)?(?:model\.)?layers\.(\d+)\.")


@dataclass(frozen=True)
class Weights:
    """Bytes as loaded, and what a 4-bit copy would take; 0 where this is a quantised copy."""

    loaded: int
    in_4bit: int


def of_folder(folder: Path, element: int, layers: int, tied: bool) -> Weights | None:
    """The weights that a model of `layers` layers loads with `element` bytes a float.

    `tied`: the output layer is the embedding's. None where the folder's files are not all there.
    """
    files = _files(folder)
    if not files or not all(file.is_file() for file in files):
        return None
    tensors = [row for file in files for row in _tensors(file) if _is_loaded(row[0], layers, tied)]
    loaded = sum(_bytes(dtype, shape, size, element) for _, dtype, shape, size in tensors)
    if any(dtype not in _FLOATS for _, dtype, _, _ in tensors):
        return Weights(loaded, 0)
    saved = sum(prod(shape) for name, _, shape, _ in tensors if _can_be_4bit(name, shape))
    return Weights(loaded, int(loaded - saved * (element - _BITS_OF_4BIT / 8)))


def _files(folder: Path) -> list[Path]:
    """Those that an index names; without one every file but Mistral's own second copy."""
    indices = [json.loads(p.read_text("utf-8")) for p in folder.glob("*.safetensors.index.json")]
    named = {str(name) for index in indices for name in index.get("weight_map", {}).values()}
    if named:
        return sorted(folder / name for name in named)
    found = sorted(folder.glob("*.safetensors"))
    return [f for f in found if not f.name.startswith("consolidated")] or found


def _tensors(file: Path) -> Iterator[tuple[str, str, list[int], int]]:
    """Name, dtype, shape and bytes of each tensor: a length, then that many bytes of JSON."""
    with file.open("rb") as stream:
        header: dict[str, Any] = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            yield name, entry["dtype"], entry["shape"], end - begin


def _is_loaded(name: str, layers: int, tied: bool) -> bool:
    if name.startswith(_NOT_LOADED) or (tied and name.startswith("lm_head.")):
        return False
    layer = _LAYER.match(name)
    return layer is None or int(layer.group(1)) < layers


def _bytes(dtype: str, shape: list[int], size: int, element: int) -> int:
    return prod(shape) * element if dtype in _FLOATS else size


def _can_be_4bit(name: str, shape: list[int]) -> bool:
    return len(shape) >= 2 and not any(word in name for word in _NEVER_4BIT)
