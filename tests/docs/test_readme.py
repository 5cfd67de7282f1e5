"""README and CONTRIBUTING say what the tree says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import kernel_results, paths, readme

_KEYS = re.compile(r"\$\{\{ (?:rocm_(family)|(gfx)_target) \}\}")


def test_target_table_is_generated() -> None:
    text = readme.README.read_text("utf-8")
    assert text == readme.written(text), "run: python dev.py tables"
    for variant in paths.VARIANTS.glob("*.yaml"):
        assert f"| `{variant.stem}` |" in text


def test_status_is_that_of_the_objects_built_now() -> None:
    assert readme.status("gfx1100") == "emulated"
    assert readme.status("gfx1200") == "compiles"  # the emulator runs its sibling
    assert readme.status("cpu") == "references only"


def test_another_object_is_not_emulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = readme.GOLDEN.read_text("utf-8")
    changed = re.sub(r"(gfx1100:\n(?:.*\n)*?  rms_norm: )\w{8}", r"\g<1>00000000", golden)
    assert changed != golden
    (tmp_path / "golden.yaml").write_text(changed)
    monkeypatch.setattr(readme, "GOLDEN", tmp_path / "golden.yaml")
    assert readme.status("gfx1100") == "compiles"
    assert readme.status("gfx1201") == "emulated"


def test_kernel_results_are_generated() -> None:
    text = kernel_results.TABLE.read_text("utf-8")
    assert "## w4a16_linear on " in text
    assert text == kernel_results.text(), "run: python dev.py tables"


def test_package_table_names_every_recipe() -> None:
    """A name that holds a variant key is written as `<gfx>` or `<family>`."""
    recipes = [path.read_text("utf-8") for path in paths.RECIPES.glob("*/recipe.yaml")]
    found = [re.search(r"^ +name: (.+)$", recipe, re.M) for recipe in recipes]
    names = {_KEYS.sub(lambda key: f"<{key[1] or key[2]}>", name[1]) for name in found if name}
    rows = re.findall(r"^\| (`.*?`) \|", readme.README.read_text("utf-8"), re.M)
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert len(found) == len(recipes) and names and names <= named, names - named


def test_paths_in_the_guides_exist() -> None:
    for guide in ("README.md", "CONTRIBUTING.md"):
        text = (paths.ROOT / guide).read_text("utf-8")
        found = re.findall(
            r"`((?:tools|tests|recipes|shims|kernels|patches|variants)/[\w./-]*)`", text
        )
        missing = [path for path in found if not (paths.ROOT / path).exists()]
        assert found and not missing, f"{guide}: {missing}"


def test_readme_is_short() -> None:
    """What is written by hand; tables grow with what is measured."""
    text = readme.README.read_text("utf-8")
    by_hand = re.sub(r"<!-- (\w+): begin .*?<!-- \1: end -->", "", text, flags=re.DOTALL)
    assert len(by_hand.splitlines()) <= 140
