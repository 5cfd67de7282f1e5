"""`python -m vllm_gfx.bench`: a foreseen error is one line on stderr and exit code 2."""

from __future__ import annotations

import sys

from vllm_gfx.bench import cli
from vllm_gfx.refusal import Refusal

if __name__ == "__main__":
    try:
        sys.exit(cli.main(sys.argv[1:]))
    except Refusal as refusal:
        print(f"vllm_gfx.bench: {refusal}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("vllm_gfx.bench: stopped", file=sys.stderr)
        sys.exit(130)
