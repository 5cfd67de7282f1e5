"""`python -m tools.standin (ensure|lock) PLATFORM`: one half of what the tasks do, by itself."""

import argparse
import sys

from tools import paths, standin
from tools.console import step
from tools.errors import ToolError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.standin", description=__doc__)
    parser.add_argument("action", choices=["ensure", "lock"])
    parser.add_argument("platform", help="linux-64 or win-64")
    given = parser.parse_args()
    try:
        with step(f"{given.action} the conda-forge stand-in for {given.platform}") as current:
            if given.action == "ensure":
                standin.ensure(paths.STANDIN, given.platform, current)
            else:
                current.done(f"{standin.lock(given.platform, current)} wheels")
    except ToolError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
