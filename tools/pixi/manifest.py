"""Reads pixi.toml: which environments there are, on which platforms, of what."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tools import paths
from tools.errors import ToolError

Table = dict[str, Any]
FILE = paths.ROOT / "pixi.toml"


@dataclass(frozen=True)
class Platform:
    """A machine to solve for: a conda platform and, maybe, virtual packages it is said to have."""

    name: str
    subdir: str
    virtual: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, entry: str | Table) -> Platform:
        """An item of `workspace.platforms`."""
        if isinstance(entry, str):
            return cls(entry, entry)
        virtual = {k: str(v) for k, v in entry.items() if k.startswith("__")}
        return cls(entry.get("name", ""), entry["platform"], tuple(virtual.items()))


@dataclass(frozen=True)
class Environment:
    """One environment; `tables` are those of its features, the tables outside all of them first."""

    name: str
    tables: tuple[Table, ...]
    every: tuple[Platform, ...]

    @property
    def platforms(self) -> list[Platform]:
        """Those that every one of its features allows."""
        lists = [t["platforms"] for t in self.tables if "platforms" in t]
        return [p for p in self.every if all(p.name in names for names in lists)]

    @cached_property
    def dependencies(self) -> dict[str, str | Table]:
        return {k: v for t in self.tables for k, v in t.get("dependencies", {}).items()}

    @cached_property
    def tasks(self) -> dict[str, Table]:
        found = {k: v for t in self.tables for k, v in t.get("tasks", {}).items()}
        return {k: {"cmd": v} if isinstance(v, str) else v for k, v in found.items()}

    @property
    def target(self) -> str:
        """What it asks gfx-target for; `auto`, or empty if it asks for nothing."""
        asked = self.dependencies.get("gfx-target", {})
        if isinstance(asked, dict) and "build" in asked:
            return str(asked["build"]).removesuffix("_*")
        return "auto" if "gfx-auto" in self.dependencies else ""

    def specs(self, channels: dict[str, str]) -> list[str]:
        """Its dependencies as MatchSpecs; `channels` says where a channel that is named lies."""
        return [_spec(name, wanted, channels) for name, wanted in self.dependencies.items()]


@dataclass(frozen=True)
class Manifest:
    """The tables of a pixi.toml; `root` is the folder its paths are relative to."""

    tables: Table
    root: Path

    @property
    def platforms(self) -> tuple[Platform, ...]:
        return tuple(map(Platform.of, self.tables["workspace"]["platforms"]))

    @property
    def channels(self) -> list[str]:
        return list(self.tables["workspace"]["channels"])

    @property
    def features(self) -> dict[str, Table]:
        return dict(self.tables.get("feature", {}))

    def environments(self) -> list[Environment]:
        """Every environment; a feature that does not exist adds nothing."""
        return [self._environment(n, e) for n, e in self.tables.get("environments", {}).items()]

    def _environment(self, name: str, entry: list[str] | Table) -> Environment:
        features, alone = named(entry)
        tables = [self.features.get(feature, {}) for feature in features]
        shared = [] if alone else [self.tables]
        return Environment(name, (*shared, *tables), self.platforms)


def named(entry: list[str] | Table) -> tuple[list[str], bool]:
    """The features of an item of `environments`, and whether it leaves the shared tables out."""
    if isinstance(entry, list):
        return entry, False
    return entry.get("features", []), entry.get("no-default-feature", False)


def read(file: Path = FILE) -> Manifest:
    """The manifest in `file`. Raises ToolError if it is not TOML."""
    try:
        return Manifest(tomllib.loads(file.read_text(encoding="utf-8")), file.parent)
    except tomllib.TOMLDecodeError as error:
        raise ToolError(f"{paths.shown(file)}: {error}") from None


def _spec(name: str, wanted: str | Table, channels: dict[str, str]) -> str:
    keys = {"version": wanted} if isinstance(wanted, str) else dict(wanted)
    if "channel" in keys:
        keys["channel"] = channels[keys["channel"]]
    inside = ",".join(f'{k}="{v}"' for k, v in keys.items() if v != "*")
    return f"{name}[{inside}]" if inside else name
