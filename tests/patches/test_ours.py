"""The patches of this repository, on the pinned sources."""

from __future__ import annotations

import pytest

from tools import patches, recipes, source
from tools.recipes import Recipe

PATCHED = [recipe for recipe in recipes.all_recipes() if source.pinned(recipe)]


@pytest.mark.parametrize("recipe", PATCHED, ids=lambda r: r.name)
def test_they_apply_strictly(recipe: Recipe) -> None:
    archive = source.pinned(recipe)
    assert archive and source.have(recipe, print), "run: python dev.py fetch"
    assert patches.check(recipe, archive) == len(recipe.patches) > 0
