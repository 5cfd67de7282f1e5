"""The index of a channel follows its packages, and reads only those that changed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tools.conftest import Checkout
from tools import build, cache, channel, paths, stamps


@pytest.fixture
def folder(checkout: Checkout) -> Path:
    """A channel of several packages, built and indexed."""
    build.build()
    assert len(list(paths.CHANNEL.glob("*/*.conda"))) > 1
    return paths.CHANNEL


def content(folder: Path) -> dict[str, bytes]:
    return {p.parent.name: p.read_bytes() for p in folder.glob("*/repodata.json")}


def records(folder: Path) -> dict[str, dict[str, Any]]:
    every = (json.loads(text)["packages.conda"] for text in content(folder).values())
    return {name: record for one in every for name, record in one.items()}


def replace(package: Path, other: Path) -> None:
    """Put the content of `other` there, with a time of its own."""
    package.write_bytes(other.read_bytes())


@pytest.fixture
def marked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], set[str]]:
    """Marks every record; indexes again; which records were made anew, and so lost their mark.

    The mark is written as this tool writes: it is not somebody else's edit.
    """

    def again() -> set[str]:
        for repodata in folder.glob("*/repodata.json"):
            held = json.loads(repodata.read_text())
            for record in held["packages.conda"].values():
                record["license"] = "MARKED"
            repodata.write_text(json.dumps(held))
        written = {p.parent.name: cache.sha256_of(p) for p in folder.glob("*/repodata.json")}
        note = channel._indexed(folder)
        note.write_text(json.dumps({**json.loads(note.read_text()), "repodata": written}))
        channel.index_folder(folder)
        return {n for n, record in records(folder).items() if record.get("license") != "MARKED"}

    return again


def test_an_unchanged_package_is_not_read_again(marked: Callable[[], set[str]]) -> None:
    assert marked() == set()


def test_a_changed_one_is(folder: Path, marked: Callable[[], set[str]]) -> None:
    one, other = sorted(folder.glob("*/*.conda"))[:2]
    replace(one, other)
    assert marked() == {one.name}
    assert records(folder)[one.name]["sha256"] == cache.sha256_of(one)


def test_another_time_is_enough(folder: Path, marked: Callable[[], set[str]]) -> None:
    (one, *_) = sorted(folder.glob("*/*.conda"))
    os.utime(one, ns=(1, 1))
    assert marked() == {one.name}


def test_one_that_went_goes_and_one_that_came_comes(folder: Path) -> None:
    (one, *_) = sorted(folder.glob("*/*.conda"))
    held, name = one.read_bytes(), one.name
    one.unlink()
    channel.index_folder(folder)
    assert name not in records(folder)
    one.write_bytes(held)
    channel.index_folder(folder)
    assert records(folder)[name]["sha256"] == cache.sha256_of(one)


def test_step_by_step_gives_the_bytes_of_all_at_once(folder: Path) -> None:
    (one, *_) = sorted(folder.glob("*/*.conda"))
    os.utime(one, ns=(1, 1))
    channel.index_folder(folder)
    stepwise = content(folder)
    for repodata in folder.glob("*/repodata.json"):
        repodata.unlink()
    channel._indexed(folder).unlink()
    channel.index_folder(folder)
    assert content(folder) == stepwise


def test_a_failure_leaves_the_index_that_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    before = content(folder)
    os.utime(sorted(folder.glob("*/*.conda"))[0], ns=(1, 1))
    monkeypatch.setattr(channel, "index_fs", fails)
    with pytest.raises(KeyboardInterrupt):
        channel.index_folder(folder)
    assert content(folder) == before and not list(folder.glob("*/*.kept"))


@pytest.mark.parametrize("damage", ["", "{}", '{"packages.conda": {}}'])
def test_an_edited_index_is_made_again(folder: Path, damage: str) -> None:
    before = content(folder)
    for repodata in folder.glob("*/repodata.json"):
        repodata.write_text(damage)
    channel.index_folder(folder)
    assert content(folder) == before and channel.is_indexed()
    assert {stamp.file.rpartition("/")[2] for stamp in stamps.known()} == records(folder).keys()
