"""Prints what is wrong with this checkout's pixi.toml."""

from __future__ import annotations

import sys

from tools.errors import ToolError
from tools.pixi.manifest import read
from tools.pixi.problems import problems


def main() -> int:
    """Print one line for each problem; the exit code."""
    try:
        found = [f"pixi.toml: {line}" for line in problems(read())]
    except ToolError as error:
        found = [str(error)]
    for line in found:
        print(line)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
