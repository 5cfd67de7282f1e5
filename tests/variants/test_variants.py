"""The target files are complete, and a wrong one is refused by name and key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tools import paths, variants
from tools.errors import ToolError

FILES = sorted(paths.VARIANTS.glob("*.yaml"))


def test_targets_of_the_project_are_there() -> None:
    gfx = ("906", "942", "1030", "1100", "1101", "1102", "1151", "1200", "1201")
    assert {f.stem for f in FILES} == {"cpu", *(f"gfx{g}" for g in gfx)}


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_file_is_valid(file: Path) -> None:
    variant = variants.read(file)
    assert variant.has_card == (variant.name != variants.REFERENCE)


def test_isa_is_the_name_spelled_as_a_version() -> None:
    """`gfx90a` is 9.0.10: the last two digits are hexadecimal minor and stepping."""
    for variant in variants.all_targets().values():
        if variant.has_card:
            digits = variant.name.removeprefix("gfx")
            version = [digits[:-2], *(str(int(d, 16)) for d in digits[-2:])]
            assert variant.isa == [".".join(version)]


def test_no_two_targets_share_an_isa() -> None:
    isas = [v.isa[0] for v in variants.all_targets().values()]
    assert len(isas) == len(set(isas))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"wave_size": ["48"]}, "wave_size"),
        ({"wave_size": ["32", "64"]}, "wave_size"),
        ({"isa": ["gfx1100"]}, "isa"),
        ({"isa": None}, "isa"),
        ({"fp8": "none"}, "fp8"),
        ({"integrated": ["no"]}, "integrated"),
        ({"integrated": None}, "integrated"),
        ({"needs_system": ["__osx"]}, "needs_system"),
        ({"platforms": ["linux-64"]}, "needs_system .* is not what platforms say"),
        ({"platforms": []}, "platforms"),
        ({"platforms": ["osx-64"]}, "platforms"),
        ({"wavesize": ["32"]}, "wavesize"),
        ({"tests": ["guessed"]}, "tests"),
        ({"gfx_target": ["gfx1101"]}, "not the file's name"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, change: dict[str, object], words: str) -> None:
    content = yaml.safe_load((paths.VARIANTS / "gfx1100.yaml").read_text())
    changed = {k: v for k, v in {**content, **change}.items() if v is not None}
    (tmp_path / "gfx1100.yaml").write_text(yaml.safe_dump(changed))
    with pytest.raises(ToolError, match=words) as error:
        variants.read(tmp_path / "gfx1100.yaml")
    assert "gfx1100.yaml" in str(error.value)


def test_an_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(ToolError, match=r"unknown target 'gfx1'; known targets: cpu, gfx1030"):
        variants.chosen(["cpu", "gfx1"])


def test_no_target_means_all() -> None:
    assert [v.name for v in variants.chosen(None)] == [f.stem for f in FILES]
