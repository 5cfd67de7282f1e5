"""Print each peer's relative error at small shapes, with Triton interpreted: a program of its own.

Triton reads TRITON_INTERPRET when kernels are defined. argv: vLLM's folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gfx_bench.errors import Unavailable
from gfx_bench.peers.w4a16_linear import PEERS
from gfx_bench.subjects.w4a16_linear import random_weight
from gfx_kernels.w4a16_linear.cases import Case

CASES = (Case(1, 256, 64, 128), Case(4, 256, 64, 128, zeros=True), Case(3, 128, 64, 32, zeros=True))


def main(source: Path) -> None:
    for case in CASES:
        weight = random_weight(case, "cpu")
        for name, build in PEERS.items():
            if name == "torch_int4":  # has no kernel for this device; see test_w4_layouts
                continue
            try:
                (peer,) = build(weight, source)
            except Unavailable as reason:
                print(json.dumps([case.name, name, str(reason)]))
                continue
            print(json.dumps([case.name, name, peer.error(), peer.allowed]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
