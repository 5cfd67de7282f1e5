"""What has been built: one small file per build, written after its package is in the channel."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tools import paths


@dataclass(frozen=True)
class Stamp:
    """`key` is the content key; `file` the package below the channel, with its sha256."""

    key: str
    file: str
    sha256: str


def path_of(job: str) -> Path:
    return paths.STAMPS / f"{job}.json"


def read(job: str) -> Stamp | None:
    """The stamp of `job`, None if there is none."""
    path = path_of(job)
    if not path.is_file():
        return None
    return Stamp(**json.loads(path.read_text(encoding="utf-8")))


def write(job: str, stamp: Stamp) -> None:
    path = path_of(job)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(stamp)), encoding="utf-8")
    fresh.replace(path)


def keep(jobs: set[str]) -> None:
    """Forget every job but these: its recipe or its target went."""
    for path in paths.STAMPS.glob("*.json"):  # not those of parts built on demand, in folders
        if path.stem not in jobs:
            path.unlink()


def known(pattern: str = "**/*.json") -> list[Stamp]:
    """Every stamp; "*.json" leaves out the parts of the channel that are built on demand."""
    files = sorted(paths.STAMPS.glob(pattern))
    found = (read(path.relative_to(paths.STAMPS).with_suffix("").as_posix()) for path in files)
    return [stamp for stamp in found if stamp]
