"""`python -m vllm_gfx.bench.geometry NAME OUT [--layers N]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vllm_gfx.bench import geometry
from vllm_gfx.refusal import Refusal


def main() -> int:
    """Write one geometry's files; 2 and one line for what cannot be written."""
    parser = argparse.ArgumentParser(
        prog="python -m vllm_gfx.bench.geometry", description=geometry.__doc__
    )
    parser.add_argument("name", metavar="NAME", help=", ".join(geometry.all_geometries()))
    parser.add_argument("out", metavar="OUT", type=Path, help="the folder to write")
    parser.add_argument("--layers", type=int, help="keep only the first so many layers")
    asked = parser.parse_args()
    try:
        print(geometry.write(asked.name, asked.out, asked.layers))
    except Refusal as refusal:
        print(f"geometry: {refusal}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
