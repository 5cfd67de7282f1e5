"""Wheels through the ordinary pip client; a folder of wheels stands for the package index."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tools import cache
from tools.errors import ToolError
from tools.standin import pip
from tools.standin.pip import Pin
from tools.standin.platforms import Platform

MakeWheel = Callable[..., Path]
WriteLock = Callable[..., list[Pin]]


@pytest.fixture
def pins(make_wheel: MakeWheel, write_lock: WriteLock) -> list[Pin]:
    return write_lock(make_wheel("alpha"), make_wheel("beta", tag="cp311-cp311-linux_x86_64"))


def test_only_what_is_missing_is_downloaded(
    pins: list[Pin], linux: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pip.fetch(pins[:1], linux, print)
    assert first[pins[0].sha256].name == "alpha-1.0-py3-none-any.whl"
    asked: list[str] = []
    real = pip.download

    def download(lines: list[str], folder: Path, platform: Platform) -> None:
        asked.extend(lines)
        real(lines, folder, platform)

    monkeypatch.setattr(pip, "download", download)
    both = pip.fetch(pins, linux, print)
    assert asked == [pins[1].line()]
    assert set(both) == {pin.sha256 for pin in pins}
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("pip ran"))
    assert pip.fetch(pins, linux, print) == both


def test_wheels_of_another_platform_can_be_fetched(
    make_wheel: MakeWheel, write_lock: WriteLock, windows: Platform
) -> None:
    pins = write_lock(make_wheel("alpha", tag="cp311-cp311-win_amd64"))
    found = pip.fetch(pins, windows, print)
    assert found[pins[0].sha256].name.endswith("win_amd64.whl")


def test_a_wheel_that_was_replaced_is_refused_by_name(pins: list[Pin], linux: Platform) -> None:
    wrong = replace(pins[0], sha256="0" * 64)
    with pytest.raises(ToolError, match=r"alpha==1\.0.*sha256 .* expected 0000") as caught:
        pip.fetch([wrong], linux, print)
    assert "\n" not in str(caught.value)
    assert cache.find(pins[0].sha256, print) is None


def test_a_cached_wheel_that_was_cut_short_is_fetched_again(
    pins: list[Pin], linux: Platform
) -> None:
    file = pip.fetch(pins[:1], linux, print)[pins[0].sha256]
    whole = file.read_bytes()
    file.write_bytes(whole[:50])
    said: list[str] = []
    assert pip.fetch(pins[:1], linux, said.append)[pins[0].sha256].read_bytes() == whole
    assert "alpha-1.0-py3-none-any.whl is damaged" in said[0]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("gamma", "package index that has it"), ("torch", "PIP_EXTRA_INDEX_URL")],
)
def test_a_wheel_that_pip_cannot_find_is_named_with_the_remedy(
    pins: list[Pin], linux: Platform, name: str, remedy: str
) -> None:
    with pytest.raises(ToolError, match=rf"{name}==9\.9.*{remedy}") as caught:
        pip.fetch([Pin(name, "9.9", "0" * 64)], linux, print)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_told_as_such() -> None:
    printed = (
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    )
    assert str(pip.explained(printed)).startswith("no disk space left while writing below ")


def test_an_interrupted_download_keeps_the_batches_before_it(
    make_wheel: MakeWheel, write_lock: WriteLock, linux: Platform
) -> None:
    pins = write_lock(*(make_wheel(f"w{number:02}") for number in range(26)))
    lost = replace(pins[25], version="2.0")
    with pytest.raises(ToolError):
        pip.fetch([*pins[:25], lost], linux, print)
    assert all(cache.find(pin.sha256, print) for pin in pins[:25])


def test_pip_settings_come_from_its_files_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nfind-links = /from/file\nextra-index-url =\n    file:///a\n    file:///b\n"
        "index-url = file:///all\n[download]\nindex-url = file:///own\n[list]\nformat = columns\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    found = pip.settings()
    assert found["find-links"] == str(tmp_path / "wheels")  # PIP_FIND_LINKS wins
    assert found["extra-index-url"] == "file:///a file:///b"
    assert found["index-url"] == "file:///own"
    assert "format" not in found
