"""The channel on disk: complete, incremental, and whole again after whatever happened to it."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from tools.errors import ToolError
from tools.standin import channel as channels
from tools.standin import convert, ensure
from tools.standin.pip import Pin
from tools.standin.platforms import Platform
from tools.standin.wheel import Wheel

MakeWheel = Callable[..., Path]
WriteLock = Callable[..., list[Pin]]


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    return tmp_path / "conda-forge"


@pytest.fixture
def filled(channel: Path, make_wheel: MakeWheel, write_lock: WriteLock) -> Path:
    """A win-64 channel (its `python` is a stub, which is quick) of two wheels."""
    alpha = make_wheel("alpha", headers="Requires-Dist: beta\n")
    write_lock(alpha, make_wheel("beta"), platform="win-64")
    ensure(channel, "win-64", print)
    return channel


def packages(channel: Path) -> dict[str, str]:
    return {
        file.name.rsplit("-", 2)[0]: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (channel / "win-64").glob("*.conda")
    }


def indexed(channel: Path) -> dict[str, dict[str, object]]:
    index = json.loads((channel / "win-64/repodata.json").read_text())
    return {record["name"]: record for record in index["packages.conda"].values()}


def test_it_holds_every_wheel_and_a_python(filled: Path) -> None:
    assert set(packages(filled)) == {"alpha", "beta", "python", "python_abi"}
    assert set(indexed(filled)) == set(packages(filled))
    assert indexed(filled)["alpha"]["depends"] == ["beta", "python"]
    assert (filled / "noarch/repodata.json").is_file()


def test_a_second_run_does_nothing(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "_update", lambda *rest: pytest.fail("worked again"))
    ensure(filled, "win-64", print)


def test_a_new_lock_replaces_only_what_changed(
    filled: Path, make_wheel: MakeWheel, write_lock: WriteLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = packages(filled)
    write_lock(make_wheel("beta"), make_wheel("gamma"), platform="win-64")
    converted: list[str] = []
    real = convert.convert

    def spy(wheel: Wheel, target: Path, platform: Platform, extras: Collection[str]) -> None:
        converted.append(wheel.name)
        real(wheel, target, platform, extras)

    monkeypatch.setattr(convert, "convert", spy)
    ensure(filled, "win-64", print)
    assert converted == ["gamma"]
    assert (
        set(packages(filled)) == {"beta", "gamma", "python", "python_abi"} == set(indexed(filled))
    )
    assert packages(filled)["beta"] == before["beta"]


@pytest.mark.parametrize("damage", ["gone", "short"])
def test_a_lost_or_short_package_is_made_again(filled: Path, damage: str) -> None:
    before = packages(filled)
    victim = next((filled / "win-64").glob("alpha-*.conda"))
    victim.unlink() if damage == "gone" else os.truncate(victim, 100)
    ensure(filled, "win-64", print)
    assert packages(filled) == before


def test_an_interrupted_run_is_continued(
    channel: Path, make_wheel: MakeWheel, write_lock: WriteLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lock(make_wheel("alpha"), make_wheel("beta"), platform="win-64")
    real = convert.convert

    def interrupt(wheel: Wheel, target: Path, platform: Platform, extras: Collection[str]) -> None:
        if wheel.name == "beta":
            target.with_name(target.name + ".part").write_bytes(b"half")
            raise KeyboardInterrupt
        real(wheel, target, platform, extras)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(convert, "convert", interrupt)
        ensure(channel, "win-64", print)
    ensure(channel, "win-64", print)
    assert set(indexed(channel)) == {"alpha", "beta", "python", "python_abi"}
    assert list(channel.rglob("*.part")) == []


def test_ctrl_c_does_not_wait_for_the_queue(
    channel: Path, make_wheel: MakeWheel, write_lock: WriteLock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lock(*(make_wheel(f"w{number}") for number in range(60)), platform="win-64")
    started: list[str] = []

    def interrupt(wheel: Wheel, *rest: object) -> None:
        started.append(wheel.name)
        time.sleep(0.5)  # all of them would take many seconds
        raise KeyboardInterrupt

    monkeypatch.setattr(convert, "convert", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ensure(channel, "win-64", print)
    assert len(started) < 60


def test_a_lock_with_a_gap_is_refused(
    channel: Path, make_wheel: MakeWheel, write_lock: WriteLock
) -> None:
    write_lock(make_wheel("alpha", headers="Requires-Dist: torch >=2\n"), platform="win-64")
    with pytest.raises(ToolError, match=r"win-64\.txt lacks pytorch >=2, which alpha needs"):
        ensure(channel, "win-64", print)


def test_two_channels_of_one_lock_are_equal_byte_for_byte(filled: Path, tmp_path: Path) -> None:
    ensure(tmp_path / "again", "win-64", print)
    assert packages(tmp_path / "again") == packages(filled)
