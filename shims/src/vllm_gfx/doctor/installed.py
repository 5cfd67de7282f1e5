"""The Python distributions and conda packages of an environment, as plain values."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path


@dataclass(frozen=True)
class Distribution:
    """What a dist-info folder says. `name` is normalised: rocm-sdk-core."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    installer: str = ""


@dataclass(frozen=True)
class Package:
    """A record of conda-meta. `channel` is its name, without folders or hosts."""

    name: str
    version: str
    build: str
    channel: str

    def __str__(self) -> str:
        return f"{self.version} {self.build} from {self.channel}"


@dataclass(frozen=True)
class Installed:
    """By name. `packages` is empty where the environment is not conda's."""

    distributions: Mapping[str, Distribution]
    packages: Mapping[str, Package]


def found(prefix: Path = Path(sys.prefix), site: Sequence[str] | None = None) -> Installed:
    """The environment at `prefix`, with the folders `site` of distributions (else sys.path)."""
    records = [_package(path) for path in sorted(prefix.glob("conda-meta/*.json"))]
    return Installed(
        {
            d.name: d
            for d in map(_distribution, metadata.distributions(path=list(site or sys.path)))
        },
        {record.name: record for record in records},
    )


def normalised(name: str) -> str:
    """A distribution's name as package indices spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _distribution(found: metadata.Distribution) -> Distribution:
    installer = (found.read_text("INSTALLER") or "").strip()
    requires = tuple(found.requires or ())
    return Distribution(normalised(found.name or ""), found.version, requires, installer)


def _package(path: Path) -> Package:
    record = json.loads(path.read_text(encoding="utf-8"))
    channel = str(record.get("channel") or "unknown").rstrip("/").split("/")[-1]
    return Package(record["name"], record["version"], record["build"], channel)
