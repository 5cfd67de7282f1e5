"""GPTQ checkpoints, format ``gptq`` (the first one).

Words run along the inputs; zeros are stored minus one, along the outputs; ``g_idx`` names each
input's group.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grid import Quantised
from .nibbles import pack

Spec = dict[str, Any]


def tensors(layer: Quantised) -> dict[str, NDArray[Any]]:
    """Return qweight (in/8, out), qzeros (groups, out/8), scales (groups, out), g_idx (in,)."""
    return {
        "qweight": pack(layer.codes.T, axis=0),
        "qzeros": pack(layer.zeros.T - 1, axis=1),
        "scales": np.ascontiguousarray(layer.scales.T),
        "g_idx": layer.groups,
    }


def config(spec: Spec) -> Spec:
    """Return the ``quantization_config`` of config.json."""
    return {
        "quant_method": "gptq",
        "bits": 4,
        "group_size": spec["group_size"],
        "desc_act": spec.get("desc_act", False),
        "static_groups": False,
        "sym": spec["symmetric"],
        "lm_head": False,
        "true_sequential": True,
        "checkpoint_format": "gptq",
    }
