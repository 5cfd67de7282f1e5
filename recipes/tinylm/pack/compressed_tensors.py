"""compressed-tensors checkpoints, W4A16, format ``pack-quantized``.

Codes are signed there (-8..7) and stored plus eight, which is our 0..15 again.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grid import Quantised
from .nibbles import pack

Spec = dict[str, Any]


def tensors(layer: Quantised) -> dict[str, NDArray[Any]]:
    """Return weight_packed (out, in/8), weight_scale (out, groups), weight_shape (2,).

    An asymmetric layer also has weight_zero_point (out/8, groups).
    """
    packed: dict[str, NDArray[Any]] = {
        "weight_packed": pack(layer.codes, axis=1),
        "weight_scale": np.ascontiguousarray(layer.scales),
        "weight_shape": np.array(layer.codes.shape, dtype=np.int64),
    }
    if not layer.symmetric:
        packed["weight_zero_point"] = pack(layer.zeros, axis=0)
    return packed


def weights(spec: Spec) -> Spec:
    """Return how a weight is quantised."""
    return {
        "num_bits": 4,
        "type": "int",
        "symmetric": spec["symmetric"],
        "strategy": "group",
        "group_size": spec["group_size"],
        "dynamic": False,
        "actorder": None,
        "block_structure": None,
        "observer": "minmax",
        "observer_kwargs": {},
    }


def config(spec: Spec) -> Spec:
    """Return the ``quantization_config`` of config.json."""
    group = {"targets": ["Linear"], "weights": weights(spec)}
    nothing = {"input_activations": None, "output_activations": None}
    return {
        "quant_method": "compressed-tensors",
        "format": "pack-quantized",
        "quantization_status": "compressed",
        "config_groups": {"group_0": group | nothing | {"format": "pack-quantized"}},
        "ignore": ["lm_head"],
        "kv_cache_scheme": None,
    }
