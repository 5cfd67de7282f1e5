"""The build: what is built again and what is not, and what is left after anything goes wrong."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from tests.tools.conftest import Checkout, point_to
from tools import build, cache, channel, keys, normalise, paths, prefix, solve, stamps
from tools.errors import ToolError

ALL = {"gfx-target-1-cpu_0.conda", "gfx-target-1-gfx1100_0.conda"}


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the jobs that run, in order."""
    names: list[str] = []
    run = build.make

    def recorded(job: build.Job, current: object) -> None:
        names.append(job.name)
        run(job, current)  # type: ignore[arg-type]

    monkeypatch.setattr(build, "make", recorded)
    return names


def _indexed() -> dict[str, str]:
    repodata = json.loads((paths.CHANNEL / "noarch" / "repodata.json").read_text())
    return {name: record["sha256"] for name, record in repodata["packages.conda"].items()}


def _data(checkout: Checkout) -> str:
    (name,) = checkout.packages() - ALL
    return name


def test_everything_is_built_then_nothing(checkout: Checkout, built: list[str]) -> None:
    build.build()
    assert built == ["gfx-target-cpu", "gfx-target-gfx1100", "data"]
    assert set(_indexed()) == checkout.packages() > ALL
    before = (paths.CHANNEL / "noarch" / "repodata.json").stat().st_mtime_ns
    built.clear()
    build.build()
    assert built == []
    assert (paths.CHANNEL / "noarch" / "repodata.json").stat().st_mtime_ns == before


def test_another_platforms_packages_change_no_key(checkout: Checkout) -> None:
    """The stand-in for Windows may be made between two builds; everything is built here."""
    for platform, digest in ((solve.here(), "a"), ("win-64", "b")):
        folder = paths.STANDIN / platform
        folder.mkdir(parents=True, exist_ok=True)
        record = {"python.conda": {"name": "python", "sha256": digest}}
        (folder / "repodata.json").write_text(json.dumps({"packages.conda": record}))
    keys._standin_records.cache_clear()
    assert keys._standin_records() == {"python": ["a"]}
    keys._standin_records.cache_clear()


def test_a_damaged_package_is_built_again(checkout: Checkout, built: list[str]) -> None:
    build.build()
    package = paths.CHANNEL / "noarch" / _data(checkout)
    package.write_bytes(package.read_bytes()[:-1])
    built.clear()
    build.build()
    assert built == ["data"]
    assert _indexed()[package.name] == cache.sha256_of(package)


def test_a_target_builds_only_its_own(checkout: Checkout, built: list[str]) -> None:
    build.build(["cpu"])
    assert built == ["gfx-target-cpu", "data"]
    build.build(["gfx1100"])
    assert built[2:] == ["gfx-target-gfx1100"]
    assert checkout.packages() > ALL


@pytest.mark.parametrize(
    ("file", "old", "new", "again"),
    [
        ("content/one.txt", "one", "two", ["data"]),
        ("recipes/data/recipe.yaml", "number: 0", "number: 1", ["data"]),
        ("variants/cpu.yaml", 'isa: ["0"]', 'isa: ["0"] # no card', []),
        ("pins.yaml", 'unused: ["2"]', 'unused: ["3"]', []),
        ("pins.yaml", 'used: ["1"]', 'used: ["3"]', ["data"]),
    ],
)
def test_what_changed_is_built_again(
    checkout: Checkout, built: list[str], file: str, old: str, new: str, again: list[str]
) -> None:
    build.build()
    built.clear()
    checkout.edit(file, old, new)
    build.build()
    assert built == again
    assert set(_indexed()) == checkout.packages()


def test_a_new_file_counts_and_an_ignored_one_does_not(
    checkout: Checkout, built: list[str]
) -> None:
    build.build()
    (checkout.root / "content" / "ignored.txt").write_text("x")
    built.clear()
    build.build()
    assert built == []
    (checkout.root / "content" / "two.txt").write_text("x")
    build.build()
    assert built == ["data"]


def test_a_changed_package_is_indexed_under_the_same_name(checkout: Checkout) -> None:
    build.build()
    name = _data(checkout)
    before = _indexed()[name]
    checkout.edit("content/one.txt", "one", "two")
    build.build()
    assert _data(checkout) == name
    assert _indexed()[name] != before


def test_the_old_version_leaves_the_channel(checkout: Checkout) -> None:
    build.build()
    old = _data(checkout)
    checkout.edit("recipes/data/recipe.yaml", '"1.0"', '"2.0"')
    build.build()
    assert _data(checkout) != old
    assert set(_indexed()) == checkout.packages()


def test_a_removed_recipe_leaves_the_channel(checkout: Checkout) -> None:
    build.build()
    shutil.rmtree(checkout.recipe("data").parent)
    build.build()
    assert checkout.packages() == set(_indexed()) == ALL


def test_same_bytes_from_another_folder_at_another_time(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.build()
    first = {p.name: p.read_bytes() for p in (paths.CHANNEL / "noarch").glob("*.conda")}
    elsewhere = tmp_path / "a much longer folder name" / "checkout"
    shutil.copytree(checkout.root, elsewhere, ignore=shutil.ignore_patterns("channel", "stamps"))
    point_to(elsewhere, monkeypatch)
    build.build()
    assert {p.name: p.read_bytes() for p in (paths.CHANNEL / "noarch").glob("*.conda")} == first


def test_a_script_that_fails_leaves_the_channel_as_it_was(checkout: Checkout) -> None:
    build.build()
    before = _indexed()
    checkout.edit("recipes/data/recipe.yaml", "- mkdir -p", "- echo 'ERROR:' no such thing; false")
    with pytest.raises(ToolError, match=r"building data failed: ERROR: no such thing") as error:
        build.build()
    assert "build/logs/data.log" in str(error.value) and "\n" not in str(error.value)
    assert _indexed() == before and set(before) == checkout.packages()
    checkout.edit("recipes/data/recipe.yaml", "- echo 'ERROR:' no such thing; false", "- mkdir -p")
    build.build()
    assert _indexed() == before


def test_what_a_failed_build_left_is_not_packed(checkout: Checkout) -> None:
    copy = 'cp content/* "$PREFIX/share/"'
    checkout.edit("recipes/data/recipe.yaml", copy, 'touch "$PREFIX/share/half"; false')
    with pytest.raises(ToolError, match="building data failed"):
        build.build()
    checkout.edit("recipes/data/recipe.yaml", 'touch "$PREFIX/share/half"; false', copy)
    build.build()
    prefix.make(paths.prefix("cpu"), solve.records(["data"]))
    assert [p.name for p in (paths.prefix("cpu") / "share").iterdir()] == ["one.txt"]


def test_a_recipe_that_is_not_valid_is_named(checkout: Checkout) -> None:
    checkout.edit("recipes/data/recipe.yaml", "noarch: generic", "noarch: nonsense")
    with pytest.raises(ToolError, match=r"recipes/data/recipe\.yaml"):
        build.build()


def test_an_unknown_target_is_refused_before_anything_is_done(checkout: Checkout) -> None:
    with pytest.raises(ToolError, match="unknown target 'gfx9'; known targets: cpu, gfx1100"):
        build.build(["gfx9"])
    assert not paths.CHANNEL.exists()


@pytest.mark.parametrize("place", ["normalise", "publish", "index"])
def test_a_full_disk_is_one_line_and_loses_nothing(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    build.build()
    before = _indexed()
    checkout.edit("content/one.txt", "one", "two")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    module = {"normalise": normalise, "publish": channel, "index": channel}[place]
    with monkeypatch.context() as broken:
        broken.setattr(module, "index_fs" if place == "index" else place, full)
        with pytest.raises(ToolError, match=r"no disk space left.*; free some") as error:
            build.build()
    assert "\n" not in str(error.value)
    assert _indexed() == before
    build.build()
    assert _indexed() != before and set(_indexed()) == checkout.packages()


def test_a_disk_nearly_full_is_refused_before_anything_is_built(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, built: list[str]
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10 << 30, 9 << 30, 1 << 30))
    with pytest.raises(ToolError, match="no disk space left"):
        build.build()
    assert built == []


def test_a_full_disk_inside_the_builder_is_one_line(checkout: Checkout) -> None:
    script = "echo 'cp - error writing - No space left on device' >&2; false"
    checkout.edit("recipes/data/recipe.yaml", 'cp content/* "$PREFIX/share/"', script)
    with pytest.raises(ToolError, match="no disk space left"):
        build.build()


@pytest.mark.parametrize("place", ["publish", "drop_strangers", "index"])
def test_interrupted_anywhere_the_next_run_continues(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(channel, place, interrupt)
        with pytest.raises(KeyboardInterrupt):
            build.build()
    build.build()
    assert set(_indexed()) == checkout.packages() > ALL
    assert {s.file for s in stamps.known()} == {f"noarch/{name}" for name in _indexed()}


def test_interrupted_after_publishing_the_package_is_built_again(
    checkout: Checkout, built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stamp comes last: without it what lies in the channel is not trusted."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(stamps, "write", interrupt)
        with pytest.raises(KeyboardInterrupt):
            build.build()
    build.build()
    assert built.count("gfx-target-cpu") == 2


HOLD = """
import sys, time, filelock
with filelock.FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_build_is_refused(checkout: Checkout) -> None:
    paths.BUILD.mkdir(exist_ok=True)
    command = [sys.executable, "-c", HOLD, str(paths.BUILD / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout and other.stdout.readline() == b"held\n"
            with pytest.raises(ToolError, match="another build is running in this checkout"):
                build.build()
        finally:
            other.kill()
    build.build()  # a killed one leaves no lock behind
