"""The committed pins: real, complete for what is known, and refused when damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tools import paths, recipes, variants
from tools.errors import ToolError
from tools.rocm import pins
from tools.rocm.build import plan
from tools.rocm.jobs import stack

KNOWN = pins.read()
# AMD publishes them on its nightly stream only (research of 2026-11-21; no index was read by us).
NIGHTLY = {"gfx906"}


def test_every_hash_is_of_one_file() -> None:
    hashes = [pin.sha256 for pin in KNOWN.wheels.values() if pin.sha256]
    assert len(hashes) == len(set(hashes)) >= 78


def test_the_file_is_as_it_would_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = paths.ROCM.read_text()
    monkeypatch.setattr(paths, "ROCM", tmp_path / "rocm.yaml")
    pins.write(KNOWN)
    assert paths.ROCM.read_text() == text
    assert pins.read() == KNOWN


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("target", [v for v in variants.all_targets().values() if v.has_card])
def test_every_target_has_a_row_for_each_of_its_files(
    target: variants.Variant, python: str
) -> None:
    """With or without a hash: without one the build names the command that measures it."""
    for platform in target.platforms:
        wheels = {job.wheel for job in stack([target], platform, [python]) if job.wheel}
        missing = sorted(w for w in wheels if w not in KNOWN.wheels)
        assert bool(missing) == (target.name in NIGHTLY), missing
        assert all(target.name in name for name in missing)


@pytest.mark.parametrize(
    ("target", "platform", "python"),
    [
        ("gfx1151", "linux-64", "3.13"),
        ("gfx1030", "linux-64", "3.13"),
        ("gfx1201", "win-64", "3.14"),
        ("gfx1200", "win-64", "3.14"),
    ],
)
def test_whole_sets_of_public_hashes(target: str, platform: str, python: str) -> None:
    """Sets that can be built without pinning anything first, where AMD's host can be reached."""
    assert plan(variants.chosen([target]), platform, [python])


def test_urls_follow_the_index_or_are_given() -> None:
    name = "torch-2.13.0+rocm10.0.0-cp313-cp313-linux_x86_64.whl"
    assert KNOWN.url(name) == f"{KNOWN.index}/torch/{name.replace('+', '%2B')}"
    family = "amd_torch_device_gfx12_0-2.13.0+rocm10.0.0-cp314-cp314-win_amd64.whl"
    assert f"/amd-torch-device-gfx12-0/{family.replace('+', '%2B')}" in KNOWN.url(family)
    nightly = "rocm_sdk_core-7.13.0a20260513-py3-none-linux_x86_64.whl"
    assert KNOWN.url(nightly) == KNOWN.wheels[nightly].url


def test_a_hash_says_where_it_was_read_or_was_measured_with_its_size() -> None:
    for name, pin in KNOWN.wheels.items():
        assert pin.seen or not pin.sha256 or pin.size, name


def test_the_torch_of_the_stack_is_the_one_that_vllm_needs() -> None:
    shared = recipes.shared_pins()
    raw = {r.name: r.raw for r in recipes.all_recipes("rocm")}["pytorch"]
    assert raw["context"]["version"] == "${{ torch }}" and shared["torch"] == "2.13.0"
    torch = f"torch-{shared['torch']}+rocm{shared['rocm']}-"
    assert any(name.startswith(torch) for name in KNOWN.wheels)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"index": 3}, r"rocm\.yaml: index: Input should be a valid string"),
        ({"wheels": {"a.whl": {"sha256": "12", "size": 1}}}, r"wheels: a\.whl: sha256: String"),
        ({"wheels": {"a.whl": {"sha256": None}}}, r"wheels: a\.whl: size: Field required"),
        ({"more": 1}, r"rocm\.yaml: more: Extra inputs"),
    ],
)
def test_a_wrong_key_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: dict[str, object], message: str
) -> None:
    monkeypatch.setattr(paths, "ROCM", tmp_path / "rocm.yaml")
    paths.ROCM.write_text(yaml.safe_dump({"index": "x", "wheels": {}, **damage}))
    with pytest.raises(ToolError, match=message):
        pins.read()


def test_every_recipe_of_the_stack_says_so() -> None:
    """One that forgot it would be built, and fail, for everybody."""
    for recipe in recipes.all_recipes():
        assert "wheel" not in recipe.context and "rocm.yaml" not in str(recipe.sources)
    assert len(recipes.all_recipes("rocm")) == 14
