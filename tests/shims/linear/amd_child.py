"""Run in a process of its own, on a simulated card: every format's layer, and who serves it.

Prints one JSON object: format -> [kernel, what vLLM passed over].
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from tests.shims.linear import formats, layer, world


def main(names: list[str]) -> None:
    from vllm_gfx.linear import layers

    found: dict[str, Any] = {}
    for name in names:
        form = formats.FORMATS[name]
        weight = form.weight(96, layer.K)
        down = layer.down(form, torch.float16)
        layer.load(down, form.pack(weight))
        layer.finish(down)
        layer.assert_multiplies_by(down, weight.dense(torch.float16), torch.float16, exact=False)
        kernel = getattr(down, "scheme", down.quant_method).kernel
        found[name] = [type(kernel).__name__, layers.passed_over(type(kernel), kernel.config)]
    print(json.dumps(found))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, world.of_one(Path(folder)):
        main(sys.argv[1:])
