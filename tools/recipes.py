"""The recipes: what each builds, for which targets, from which files, and in which order."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools import paths
from tools.errors import ToolError
from tools.variants import Variant


@dataclass(frozen=True)
class Recipe:
    """`recipes/<folder>/recipe.yaml`; `raw` is its YAML with the templates not filled in."""

    folder: Path
    raw: dict[str, Any]

    @property
    def file(self) -> Path:
        return self.folder / "recipe.yaml"

    @property
    def name(self) -> str:
        return str(self.raw["package"]["name"])

    @property
    def context(self) -> dict[str, str]:
        return dict(self.raw.get("context", {}))

    @property
    def sources(self) -> list[dict[str, Any]]:
        source = self.raw.get("source", [])
        return [source] if isinstance(source, dict) else list(source)

    @property
    def part_of(self) -> str:
        """The part of the channel that it belongs to, built only when asked for; mostly none."""
        return str(self.raw.get("extra", {}).get("part_of", ""))

    @property
    def platforms(self) -> list[str]:
        """The platforms it is for, if not for all."""
        return list(self.raw.get("extra", {}).get("platforms", []))

    @property
    def patches(self) -> list[Path]:
        """The patches of all sources, in the order they are applied."""
        listed = [patch for source in self.sources for patch in source.get("patches", [])]
        return [(self.folder / patch).resolve() for patch in listed]

    @property
    def source_paths(self) -> list[Path]:
        """Sources that lie in this checkout, with the context filled in."""
        found = [str(source["path"]) for source in self.sources if "path" in source]
        return [(self.folder / self.fill(path)).resolve() for path in found]

    def requirements(self, kind: str) -> list[str]:
        return [str(r) for r in self.raw.get("requirements", {}).get(kind, [])]

    def fill(self, text: str) -> str:
        """`text` with the plain `${{ key }}` of the context and of pins.yaml replaced."""
        for key, value in {**shared_pins(), **self.context}.items():
            text = text.replace("${{ " + key + " }}", str(value))
        return text

    @property
    def has_targets(self) -> bool:
        """Whether there is a build per target; else one build serves them all."""
        return "gfx_target" in self.use_keys

    @property
    def use_keys(self) -> list[str]:
        """The variant keys there is a build for each value of."""
        return list(self.raw["build"].get("variant", {}).get("use_keys", []))

    def builds_for(self, variants: Iterable[Variant]) -> list[Variant]:
        """Those of `variants` that a recipe with targets is built for.

        A recipe that requires `__amdgpu_arch` is built for the automatic targets only. The list is
        cut here because the builder's interface that we use does not honour the recipe's `skip`.
        """
        is_choice = any(r.startswith("__amdgpu_arch") for r in self.requirements("run"))
        return [v for v in variants if v.is_automatic or not is_choice]


def shared_pins() -> dict[str, str]:
    """The versions in pins.yaml."""
    content = yaml.safe_load(paths.PINS.read_text(encoding="utf-8"))
    return {key: str(values[0]) for key, values in content.items()}


def load(folder: Path) -> Recipe:
    """The recipe in `folder`. Raises ToolError if it is not YAML."""
    file = folder / "recipe.yaml"
    try:
        return Recipe(folder, yaml.safe_load(file.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise ToolError(f"{paths.shown(file)}: {' '.join(str(error).split())}") from None


def all_recipes(part: str = "") -> list[Recipe]:
    """Every recipe of a part of the channel, each after those it needs to be built or run.

    With no part: those that every build makes.
    """
    every = map(load, sorted(p.parent for p in paths.RECIPES.glob("*/recipe.yaml")))
    found = {recipe.name: recipe for recipe in every if recipe.part_of == part}
    graph = {
        name: {
            needed.split()[0]
            for kind in ("build", "host", "run")
            for needed in recipe.requirements(kind)
            if needed.split()[0] in found
        }
        for name, recipe in sorted(found.items())
    }
    return [found[name] for name in graphlib.TopologicalSorter(graph).static_order()]


def get(name: str) -> Recipe:
    """The recipe of the package `name`."""
    return next(recipe for recipe in all_recipes() if recipe.name == name)
