"""Prefixes: fresh, complete or not there, and put back if a new one fails."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import pytest
from rattler import RepoDataRecord

from tests.tools.conftest import Checkout
from tools import build, generations, install, paths, prefix, solve
from tools.errors import ToolError


@pytest.fixture
def wanted(checkout: Checkout) -> list[RepoDataRecord]:
    build.build()
    return solve.records(["data"])


def _names(where: Path) -> set[str]:
    records = (where / "conda-meta").glob("*.json")
    return {json.loads(record.read_text())["name"] for record in records}


def test_made_then_left_alone(wanted: list[RepoDataRecord]) -> None:
    where = paths.prefix("cpu")
    assert prefix.make(where, wanted)
    assert _names(where) == {"data", "gfx-target"}
    assert (where / "share" / "one.txt").read_text() == "one\n"
    assert not prefix.make(where, wanted)


def test_a_changed_package_makes_it_anew(checkout: Checkout, wanted: list[RepoDataRecord]) -> None:
    """Also under an unchanged file name, and nothing of the old prefix stays."""
    where = paths.prefix("cpu")
    prefix.make(where, wanted)
    (where / "share" / "left over").write_text("")
    checkout.edit("content/one.txt", "one", "two")
    build.build()
    assert prefix.make(where, solve.records(["data"]))
    assert [p.name for p in (where / "share").iterdir()] == ["one.txt"]
    assert (where / "share" / "one.txt").read_text() == "two\n"


def test_another_target_makes_it_anew(wanted: list[RepoDataRecord]) -> None:
    where = paths.prefix("cpu")
    prefix.make(where, wanted)
    assert prefix.make(where, solve.records(["data", "gfx-target * gfx1100_*"]))
    assert (where / "conda-meta" / "gfx-target-1-gfx1100_0.json").is_file()


def test_an_interrupted_one_is_made_again(wanted: list[RepoDataRecord]) -> None:
    where = paths.prefix("cpu")
    prefix.make(where, wanted)
    (where / prefix.LIST).unlink()
    assert prefix.make(where, wanted)


def test_killed_in_the_middle_the_good_one_survives_the_next_failure(
    monkeypatch: pytest.MonkeyPatch, wanted: list[RepoDataRecord]
) -> None:
    """SIGKILL runs no handler: a half-made prefix lies beside the good one that was put aside."""
    where = paths.prefix("cpu")
    prefix.make(where, wanted)
    where.rename(where.with_name("cpu.old"))
    where.mkdir()
    (where / "half").write_text("")

    def fails(*_: object) -> None:
        raise ToolError("no")

    monkeypatch.setattr(prefix, "_install", fails)
    with pytest.raises(ToolError):
        prefix.make(where, wanted)
    assert prefix.is_made_of(where, wanted) and not (where / "half").exists()


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError])
def test_a_failure_puts_the_old_one_back(
    wanted: list[RepoDataRecord], monkeypatch: pytest.MonkeyPatch, failure: type[BaseException]
) -> None:
    where = paths.prefix("cpu")
    prefix.make(where, wanted)

    def fail(where: Path, *_: object) -> None:
        (where / "half").mkdir(parents=True)
        raise failure

    monkeypatch.setattr(prefix, "_install", fail)
    with pytest.raises(failure):
        prefix.make(where, wanted[:1])
    assert prefix.is_made_of(where, wanted) and not (where / "half").exists()


def test_a_package_that_went_missing_is_one_line(wanted: list[RepoDataRecord]) -> None:
    shutil.rmtree(paths.CHANNEL)
    with pytest.raises(ToolError, match="installing into build/env/cpu failed"):
        prefix.make(paths.prefix("cpu"), wanted)
    assert not paths.prefix("cpu").exists()


def test_an_impossible_wish_says_which_package(wanted: list[RepoDataRecord]) -> None:
    with pytest.raises(ToolError, match=r"no environment satisfies data ==3: .*data"):
        solve.records(["data ==3"])


def test_our_channel_comes_first(checkout: Checkout, wanted: list[RepoDataRecord]) -> None:
    """Strict priority: what stands in for conda-forge cannot replace a package of ours."""
    shutil.copytree(paths.CHANNEL, paths.STANDIN, dirs_exist_ok=True)
    checkout.edit("recipes/data/recipe.yaml", 'version: "1.0"', 'version: "0.9"')
    build.build()
    found = {r.name.normalized: r for r in solve.records(["data"])}
    assert str(found["data"].version) == "0.9"


def test_a_full_disk_while_installing_is_one_line(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, wanted: list[RepoDataRecord]
) -> None:
    generations.install("cpu", wanted, lambda where: None)
    (generations.active("cpu") / prefix.LIST).write_text("something else\n")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(install, "PACKAGES", ("data",))
    monkeypatch.setattr(prefix, "_install", full)
    with pytest.raises(ToolError, match="no disk space left"):
        install.install(None)
    where = generations.active("cpu")
    assert (where / "share" / "one.txt").is_file(), "the old prefix must be in use"
