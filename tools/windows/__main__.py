"""`python -m tools.windows ARGUMENTS`: Windows Python of the prefix with these, under Wine.

The caller's PYTHONPATH is passed on, as Windows writes it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from threading import Thread
from typing import IO

from tools import paths
from tools.errors import ToolError
from tools.leave import leave
from tools.windows import run, wine


def _relay(source: IO[str], target: IO[str]) -> None:
    for line in source:
        target.write(line)
        target.flush()


def _python_path() -> dict[str, str]:
    given = [Path(place) for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place]
    return {"PYTHONPATH": ";".join(map(wine.windows_path, given))} if given else {}


def main(arguments: list[str]) -> int:
    try:
        with run.started(arguments, _python_path(), paths.callers(".")) as process:
            assert process.stdin and process.stdout and process.stderr
            process.stdin.close()
            relay = Thread(target=_relay, args=(process.stderr, sys.stderr))
            relay.start()
            _relay(process.stdout, sys.stdout)
            relay.join()
            return process.wait()
    except ToolError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
