"""README and CONTRIBUTING say what the tree says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import kernel_results, paths, readme


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
    recipes = {p.parent for p in paths.RECIPES.glob("*/recipe.yaml")}
    names = {
        re.search(r"^ +name: (\S+)$", (r / "recipe.yaml").read_text(), re.M)[1] for r in recipes
    }
    named = set(re.findall(r"^\| `([a-z0-9-]+)` \|", readme.README.read_text("utf-8"), re.M))
    assert names and names <= named


def test_paths_in_the_guides_exist() -> None:
    for guide in ("README.md", "CONTRIBUTING.md"):
        text = (paths.ROOT / guide).read_text("utf-8")
        found = re.findall(
            r"`((?:tools|tests|recipes|shims|kernels|patches|variants)/[\w./-]*)`", text
        )
        missing = [path for path in found if not (paths.ROOT / path).exists()]
        assert found and not missing, f"{guide}: {missing}"


def test_readme_is_short() -> None:
    assert len(readme.README.read_text("utf-8").splitlines()) <= 150
