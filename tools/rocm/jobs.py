"""Which packages make up the ROCm stack of some targets on one platform."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tools import keys, paths, recipes, solve
from tools.build import Job
from tools.recipes import Recipe
from tools.rocm import pins
from tools.trust import sbom
from tools.variants import REFERENCE, Variant, chosen

PART = "rocm"  # as the recipes call it under `extra`
NO_FAMILY = "none"  # as the files in variants/ say it


@dataclass(frozen=True)
class StackJob(Job):
    """One package for `on`; `python` matters where the recipe has a build per Python."""

    on: str
    python: str
    versions: tuple[tuple[str, str], ...] = ()  # instead of those of pins.yaml

    @property
    def platform(self) -> str:
        return self.on

    @property
    def given(self) -> dict[str, str]:
        return {"py": self.python, **dict(self.versions)}

    @property
    def name(self) -> str:
        parts = [self.rendered.recipe.package.name, self.on]
        parts += [self.python] if "py" in self.recipe.use_keys else []
        parts += [self.variant.name] if self.variant and not self.wheel else []
        return f"{PART}/{'-'.join(parts)}"

    @cached_property
    def wheel(self) -> str | None:
        """File name of what is repacked; None for a package that only asks for others."""
        name = self.rendered.recipe.to_dict().get("context", {}).get("wheel")
        return str(name) if name else None

    @property
    def file(self) -> Path:
        """Where the recipe expects the wheel."""
        assert self.wheel
        return paths.WHEELS / self.wheel

    @cached_property
    def sha256(self) -> str:
        """The pinned digest of the wheel; "" if there is no wheel. Raises ToolError."""
        return str(pins.known(pins.read(), self.wheel).sha256) if self.wheel else ""

    @cached_property
    def key(self) -> str:
        return keys.key(self.recipe, {**self.rendered.variant, "wheel": self.sha256})

    @property
    def origin(self) -> sbom.Origin:
        sources = [{"path": self.wheel, "sha256": self.sha256}] if self.wheel else []
        return sbom.Origin(sources, [])


def stack(
    targets: Sequence[Variant],
    platform: str,
    pythons: Sequence[str],
    versions: tuple[tuple[str, str], ...] = (),
) -> list[StackJob]:
    """Every package that an environment of one of `targets`, or of none, may need on `platform`."""
    return [
        StackJob(recipe, variant, on, python, versions)
        for recipe in recipes.all_recipes(PART)
        if not recipe.platforms or platform in recipe.platforms
        for variant in _variants(recipe, targets)
        for python in (pythons if "py" in recipe.use_keys else pythons[:1])
        for on in [solve.here() if "noarch" in recipe.raw["build"] else platform]
    ]


def _variants(recipe: Recipe, targets: Sequence[Variant]) -> Iterator[Variant | None]:
    """The target files that the recipe is built with, one for each value of its key."""
    cards = [v for v in targets if v.has_card]
    if "gfx_target" in recipe.use_keys:
        yield from cards if "wheel" in recipe.context else [*chosen([REFERENCE]), *cards]
    elif "rocm_family" in recipe.use_keys:
        families = {v.rocm_family[0]: v for v in cards}
        yield from (v for name, v in sorted(families.items()) if name != NO_FAMILY)
    else:
        yield None
