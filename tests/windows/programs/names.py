"""Which of the names that the simulated Windows takes away exist here. Prints them."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path

ABSENT = json.loads(
    Path(__file__).parents[2].joinpath("support/winsim/absent.json").read_text(encoding="utf-8")
)

if __name__ == "__main__":
    modules = ABSENT.pop("modules")
    there = [name for name in modules if importlib.util.find_spec(name)]
    for module, names in ABSENT.items():
        real = importlib.import_module(module)
        there += [f"{module}.{name}" for name in names if hasattr(real, name)]
    print(json.dumps(there))
