"""patches/drift.yaml is what the next release of vLLM does to what we have: read its diff."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.patches import drift
from tools import patches


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    stored = drift.stored()
    return drift.report(stored["version"], stored["sha256"])


@pytest.mark.parametrize("part", ["patches", "shims", "unix"])
def test_it_is_as_stored(found: dict[str, Any], part: str) -> None:
    assert found[part] == drift.stored()[part], "run: python -m tests.patches.drift"


def test_it_is_about_another_release() -> None:
    assert drift.stored()["version"] != drift.pinned().context["version"]


def test_shims_name_what_is_there(found: dict[str, Any]) -> None:
    """Each module and definition of vLLM in a shim's TARGET and UPSTREAM exists."""
    named = [name for states in found["shims"].values() for name in states.items()]
    assert not [name for name, state in named if state == drift.NOWHERE]


def test_no_patch_is_upstream_already() -> None:
    """Each changes the pinned source: what it does is not there already."""
    assert set(drift.of_patches(drift.pinned(), drift.today()).values()) == {"applies"}


def test_a_patch_that_upstream_took_is_named(tmp_path: Path) -> None:
    recipe = drift.pinned()
    tree = patches.unpack(drift.today(), patches.touched(recipe.patches), tmp_path)
    patches.apply_in_order(recipe, tree)
    assert {drift.applied(patch, tree) for patch in recipe.patches[::-1]} == {drift.TAKEN}


BEFORE = {
    "a.py": "def f():\n    return 1\n\n\nclass C:\n    def g(self):\n        pass\n",
    "c.py": "class C:\n    def g(self):\n        pass\n\n\nclass D(C):\n    x = 1\n",
    "b/__init__.py": "if x:\n    from a import f\n",
}


@pytest.mark.parametrize(
    ("name", "changed", "state"),
    [
        ("a.f", {}, "same"),
        ("a.f", {"a.py": "# moved\n\ndef f():\n    return 1  # one\n"}, "same"),
        ("a.f", {"a.py": "def f():\n    return 2\n"}, "changed"),
        ("a.f", {"a.py": ""}, "gone"),
        ("a.C.g", {"a.py": "class C:\n    def g(self):\n        return 1\n"}, "changed"),
        ("a.C.g", {"a.py": "class C:\n    h = 1\n"}, "gone"),
        ("b.f", {}, "same"),
        ("c.D.g", {}, "same"),
        ("c.D.g", {"c.py": "class D(C):\n    x = 1\n"}, "gone"),
        ("a", {"a.py": "f = 2"}, "same"),
        ("a.nothing", {}, drift.NOWHERE),
    ],
)
def test_what_became_of_a_definition(name: str, changed: dict[str, str], state: str) -> None:
    assert drift.state(name, BEFORE, {**BEFORE, **changed}) == state
