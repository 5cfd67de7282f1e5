"""Which file of a `tune/` folder holds for a device."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from gfx_kernels import targets, tuned
from gfx_kernels.skinny_linear import implementations
from gfx_kernels.w4a16_linear import tuning

TOOLCHAIN = Path(__file__).parents[2] / "kernels" / "toolchain.yaml"
PLANS = {"processors", "shared_bytes", "reserved_bytes", "default", "shapes"}  # of mma kernels
FOLDERS = (implementations.TUNE, tuning.FOLDER)


def test_a_devices_own_file_over_the_default(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").write_text("kernel: dot\nrows: 8")
    (tmp_path / "sm_90.yaml").write_text("rows: 2\nprocessors: 132")
    assert tuned.of(tmp_path, "sm_90") == {"kernel": "dot", "rows": 2, "processors": 132}
    assert tuned.of(tmp_path, "gfx1100") == {"kernel": "dot", "rows": 8}


def test_folders_are_told_apart(tmp_path: Path) -> None:
    for rows in ("1", "2"):
        (tmp_path / rows).mkdir()
        (tmp_path / rows / "default.yaml").write_text(f"rows: {rows}")
        assert tuned.of(tmp_path / rows, "gfx1100") == {"rows": int(rows)}


def test_a_file_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "default.yaml").write_text("rows: 8")
    first = tuned.of(tmp_path, "gfx1100")
    (tmp_path / "default.yaml").unlink()
    assert tuned.of(tmp_path, "gfx1100") is first


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_a_device_says_what_there_is_to_say(folder: Path) -> None:
    """A misspelt key would leave the default in force."""
    known = tuned.of(folder, "an unknown device").keys()
    for file in set(folder.glob("*.yaml")) - {folder / "default.yaml"}:
        own = yaml.safe_load(file.read_text("utf-8"))
        plans = PLANS if own.get("kernel") == "mma" else set()
        assert own.keys() <= known | plans and "rows" in own, file.name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_the_default_says_up_to_which_rows_and_files_are_of_devices(folder: Path) -> None:
    assert "rows" in tuned.of(folder, "an unknown device")
    compiled = yaml.safe_load(TOOLCHAIN.read_text("utf-8"))["nvidia"]["architectures"]
    known = {"default", *targets.all_targets(), *compiled}
    assert {file.stem for file in folder.glob("*.yaml")} <= known


def test_no_folder_is_left_out() -> None:
    package = Path(tuned.__file__).parent
    assert set(FOLDERS) == {path for path in package.glob("*/tune") if path.is_dir()}
