"""The recipes are rattler-build's own: it needs nothing of ours but pins.yaml and a target's file.

rattler-build build --recipe recipes/gfx-kernels -m pins.yaml -m variants/gfx1100.yaml
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rattler_build
import yaml

from tools import cache, normalise, paths, recipes, solve, stamps, variants
from tools.recipes import Recipe
from tools.rocm.jobs import PART

EVERY = [*recipes.all_recipes(), *recipes.all_recipes(PART)]
TARGETS = list(variants.all_targets())


def files_of(target: str) -> list[Path]:
    return [paths.PINS, paths.VARIANTS / f"{target}.yaml"]


def rendered(recipe: Recipe, target: str, platform: str) -> dict[str, object]:
    """The recipe as `rattler-build build --render-only` shows it."""
    system = rattler_build.PlatformConfig(target_platform=platform)
    context = rattler_build.JinjaConfig(platform=system)
    values = rattler_build.VariantConfig.from_files_with_context(list(files_of(target)), context)
    stage0 = rattler_build.Stage0Recipe.from_file(recipe.file)
    (one,) = stage0.render(values, rattler_build.RenderConfig(platform=system))
    return dict(one.recipe.to_dict())


def build(recipe: Recipe, target: str, output: Path) -> list[Path]:
    """What rattler-build's command line makes of the recipe, by the code behind it."""
    rattler_build.build_recipes(
        [recipe.file],
        variant_config=[str(file) for file in files_of(target)],
        channel=[paths.STANDIN.as_uri()],
        output_dir=output,
        no_build_id=True,
        no_include_recipe=True,
        test="native",
    )
    return sorted(output.glob("*/*.conda"))


def test_none_is_left_out() -> None:
    assert {r.folder for r in EVERY} == {f.parent for f in paths.RECIPES.glob("*/recipe.yaml")}


@pytest.mark.parametrize("platform", list(solve.ELSEWHERE))
@pytest.mark.parametrize("recipe", EVERY, ids=lambda r: r.folder.name)
def test_every_recipe_renders_for_every_target(recipe: Recipe, platform: str) -> None:
    """To one package, of which no template is left."""
    for target in TARGETS:
        one = rendered(recipe, target, platform)
        assert "${{" not in json.dumps([one["package"], one["build"], one["requirements"]])


def _in_channel() -> set[str]:
    return {Path(stamp.file).name for stamp in stamps.known() if stamp.file.startswith("noarch/")}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("recipe", recipes.all_recipes(), ids=lambda r: r.folder.name)
def test_it_is_the_package_of_the_channel(recipe: Recipe, target: str) -> None:
    """The same name, version and build string."""
    one = rendered(recipe, target, solve.here())
    package, build = one["package"], one["build"]
    assert isinstance(package, dict) and isinstance(build, dict)
    file = f"{package['name']}-{package['version']}-{build['string']}.conda"
    skipped = variants.all_targets()[target] not in recipe.builds_for(variants.chosen(None))
    assert (file in _in_channel()) != skipped


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["gfx-target", "gfx-auto"])
def test_rattler_builds_command_makes_the_same_bytes(
    name: str, target: str, tmp_path: Path
) -> None:
    """The archive of the channel, or none where the recipe says `skip`."""
    recipe = recipes.load(paths.RECIPES / name)
    made = build(recipe, target, tmp_path)
    if variants.all_targets()[target] not in recipe.builds_for(variants.chosen(None)):
        assert made == []
        return
    (package,) = made
    normalise.normalise(package)
    digests = {Path(stamp.file).name: stamp.sha256 for stamp in stamps.known()}
    assert cache.sha256_of(package) == digests[package.name]


@pytest.mark.parametrize("recipe", EVERY, ids=lambda r: r.folder.name)
def test_the_recipe_is_version_1_and_reads_no_environment(recipe: Recipe) -> None:
    text = recipe.file.read_text("utf-8")
    assert yaml.safe_load(text)["schema_version"] == 1
    assert "env.get" not in text
