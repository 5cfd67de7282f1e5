"""What a process that imports transformers reads of its models, and what it knows of them then.

`python -m tests.shims.windows.imported [FILE]`: with FILE our shims keep their names there.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

MODELS = f"transformers{os.sep}models{os.sep}"


def main(kept: str) -> None:
    opened: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        name = str(arguments[0]) if event == "open" else ""
        if MODELS in name and name.endswith(".py"):
            opened.append(name)

    sys.addaudithook(hook)
    if kept:
        from vllm_gfx import apply, kept_names

        kept_names.file = lambda: Path(kept)
        apply.apply("early")
        assert "vllm_gfx.early.model_names" in apply.active()
    import transformers
    from transformers import models

    known = {name: _known(module) for name, module in [("all", transformers), ("models", models)]}
    print(json.dumps({"opened": len(opened), "known": known}))


def _known(module: Any) -> dict[str, Any]:
    """What a lazy module of transformers answers from, but for the order of sets."""
    return {
        "names": sorted(module.__all__),
        "places": sorted(module._class_to_module.items()),
        "lacking": sorted((n, sorted(of)) for n, of in module._object_missing_backend.items()),
        "modules": [[name, sorted(of)] for name, of in module._import_structure.items()],
    }


if __name__ == "__main__":
    main("".join(sys.argv[1:]))
