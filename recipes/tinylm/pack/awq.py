"""AWQ checkpoints, version ``gemm``: words run along the outputs, their nibbles interleaved."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grid import Quantised
from .nibbles import pack

Spec = dict[str, Any]

INTERLEAVED = (0, 2, 4, 6, 1, 3, 5, 7)


def tensors(layer: Quantised) -> dict[str, NDArray[Any]]:
    """Return qweight (in, out/8), qzeros (groups, out/8) and scales (groups, out)."""
    return {
        "qweight": pack(layer.codes.T, 1, INTERLEAVED),
        "qzeros": pack(layer.zeros.T, 1, INTERLEAVED),
        "scales": np.ascontiguousarray(layer.scales.T),
    }


def config(spec: Spec) -> Spec:
    """Return the ``quantization_config`` of config.json."""
    return {
        "quant_method": "awq",
        "bits": 4,
        "group_size": spec["group_size"],
        "zero_point": True,
        "version": "gemm",
        "modules_to_not_convert": None,
    }
