"""transformers reads the source of all of its models, 1600 files, in every process.

It looks for the names that each exports; `import transformers.models` has it look a second time.
On Linux that is most of a second of each process of a server; where opening a file takes a
millisecond, as with a virus scanner on Windows, it is seconds. With this it looks once, and again
only when one of the files has changed.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from vllm_gfx import kept_names, on_import

APPLIES = ("win32", "linux")
TARGET = "transformers.utils.import_utils.create_import_structure_from_path"
UPSTREAM = "https://github.com/huggingface/transformers/issues/44273"
REMOVE_WHEN = "importing transformers does not read the files of its models"

MODULE, _, NAME = TARGET.rpartition(".")


def needed() -> bool:
    """Always: transformers is not imported yet, so there is nothing to ask."""
    return True


def install() -> None:
    """Ask the file that keeps the names first, as soon as there is a function to replace."""
    on_import.call(MODULE, _replace)


def _replace(import_utils: ModuleType) -> None:
    if original := getattr(import_utils, NAME, None):
        setattr(import_utils, NAME, _keeping(original, Path(import_utils.__file__ or "")))


def _keeping(original: Callable[[Any], Any], code: Path) -> Callable[[Any], Any]:
    """`original`, which is in the file `code`, but for the folder of all models."""
    models = code.parents[1] / "models"

    @functools.lru_cache  # as upstream's: the same answer to the same argument
    def create_import_structure_from_path(module_path: str | os.PathLike[str]) -> Any:
        asked = Path(module_path)
        folder = asked.parent if asked.is_file() else asked  # as upstream understands it
        return kept_names.structure(models, code, original) if folder == models else original(asked)

    return create_import_structure_from_path
