"""Keeping the names of a small folder of models. Prints how often it was looked into by then."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from vllm_gfx import kept_names

FOUND = {"b": {frozenset({"torch"}): {"modeling_b": {"B", "Größe"}}}}


def main() -> None:
    """Below a folder with a space and an umlaut."""
    with tempfile.TemporaryDirectory(prefix="lück en ") as folder:
        print(json.dumps(tried(Path(folder))))


def tried(folder: Path) -> dict[str, object]:
    """Every way to find the names, or to look for them."""
    models, looked, said = folder / "models", list[Path](), dict[str, object]()
    (models / "b").mkdir(parents=True)
    kept_names.file = lambda: folder / "kept" / "names.json"

    def names(when: str) -> None:
        found = kept_names.structure(models, Path(__file__), find)
        said[when] = len(looked) if found == FOUND else repr(found)

    def find(asked: Path) -> object:
        looked.append(asked)
        return FOUND

    source = models / "b" / "modeling_b.py"
    source.write_text("text")
    names("first")
    names("second")
    os.utime(source, ns=(1, 10**18))
    with kept_names.file().open("rb"):  # Windows does not replace a file that is open
        names("changed, and another process reads the file")
    names("changed")
    names("at the end")
    said["files"] = sorted(path.name for path in kept_names.file().parent.iterdir())
    return said


main()
