"""How many bytes a checkpoint's weights take on the GPU, from the headers of its files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from vllm_gfx.preflight.files import Tensor

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


def of(held: Iterable[Tensor], element: int, layers: int, tied: bool) -> Weights:
    """What a model of `layers` layers loads of the tensors held, with `element` bytes a float.

    `tied`: the output layer is the embedding's.
    """
    named = {tensor.name: tensor for tensor in held}  # of copies, vLLM keeps the last
    tensors = [tensor for tensor in named.values() if _is_loaded(tensor.name, layers, tied)]
    loaded = sum(_bytes(tensor, element) for tensor in tensors)
    if any(tensor.dtype not in _FLOATS for tensor in tensors):
        return Weights(loaded, 0)
    saved = sum(prod(t.shape) for t in tensors if _can_be_4bit(t))
    return Weights(loaded, int(loaded - saved * (element - _BITS_OF_4BIT / 8)))


def _is_loaded(name: str, layers: int, tied: bool) -> bool:
    if name.startswith(_NOT_LOADED) or (tied and name.startswith("lm_head.")):
        return False
    layer = _LAYER.match(name)
    return layer is None or int(layer.group(1)) < layers


def _bytes(tensor: Tensor, element: int) -> int:
    return prod(tensor.shape) * element if tensor.dtype in _FLOATS else tensor.size


def _can_be_4bit(tensor: Tensor) -> bool:
    return len(tensor.shape) >= 2 and not any(word in tensor.name for word in _NEVER_4BIT)
