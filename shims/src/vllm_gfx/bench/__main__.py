"""`python -m vllm_gfx.bench`: a foreseen error is one line on stderr and exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vllm_gfx.bench import cli
from vllm_gfx.refusal import Refusal


def main(argv: Sequence[str]) -> int:
    """The exit code of the command line."""
    try:
        return cli.main(argv)
    except Refusal as refusal:
        print(f"vllm_gfx.bench: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("vllm_gfx.bench: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
