"""What the package holds: the trained checkpoint, its quantised copies, and their origin."""

import shutil
import tomllib
from pathlib import Path
from typing import Any

from . import checkpoint

ORIGINAL = "fp"
RECORDS = ("ORIGIN.yaml", "held-out.jsonl")


def copies() -> dict[str, dict[str, Any]]:
    """Return what each quantised copy is made of, by name."""
    table = Path(__file__).with_name("copies.toml")
    return tomllib.loads(table.read_text(encoding="utf-8"))


def copy_original(model: Path, out: Path) -> None:
    """Copy the trained checkpoint as it is."""
    out.mkdir()
    for file in sorted(model.iterdir()):
        shutil.copyfile(file, out / file.name)


def build(recipe: Path, share: Path) -> None:
    """Fill the new folder `share` from the recipe's folder; the same input gives the same bytes."""
    share.mkdir(parents=True)
    copy_original(recipe / "model", share / ORIGINAL)
    for name, spec in copies().items():
        checkpoint.write(recipe / "model", share / name, spec)
        print(f"packed {name}", flush=True)
    for name in RECORDS:
        shutil.copyfile(recipe / name, share / name)
