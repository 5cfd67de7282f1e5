"""What is in use stays in use until something better was tried out."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from rattler import RepoDataRecord

from tests.trust.conftest import runs, says
from tools import build, generations, install, links, paths, prefix, solve
from tools.errors import ToolError
from tools.trust import verify


def records(content: str) -> list[RepoDataRecord]:
    """The packages of a channel whose program says `content`."""
    (paths.ROOT / "content" / "one.txt").write_text(f"{content}\n")
    build.build(["cpu"])
    return solve.records(["data"])


def put(content: str, fresh: bool = False) -> bool:
    return generations.install("cpu", records(content), runs, fresh=fresh)


def test_a_second_one_replaces_the_first_and_keeps_it(place: Path) -> None:
    assert put("one") and put("two") and put("three")
    assert says(place / "cpu") == "three" and says(place / "cpu@2") == "two"
    assert {p.name for p in place.iterdir()} == {"cpu", "cpu.json", "cpu@2", "cpu@3"}
    assert generations.active("cpu") == place / "cpu@3"


def test_a_program_that_runs_keeps_its_files(place: Path) -> None:
    """Programs hold the path of their own installation, not of the link."""
    put("one")
    script = (place / "cpu" / "bin" / "hello").read_text()
    assert str(place / "cpu@1" / "share") in script


def test_the_same_packages_are_left_alone(place: Path) -> None:
    assert put("one") and not put("one")
    assert put("one", fresh=True)
    assert generations.active("cpu").name == "cpu@2"


def test_on_windows_it_is_a_junction(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated: Wine has none (tests/windows/test_doors.py). One is removed as a folder is."""
    made = []

    def junction(folder: str, link: str) -> None:
        made.append((folder, link))
        Path(link).symlink_to(folder, target_is_directory=True)

    monkeypatch.setitem(sys.modules, "_winapi", SimpleNamespace(CreateJunction=junction))
    monkeypatch.setattr(links, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(Path, "rmdir", Path.unlink)
    assert put("one") and put("two")
    assert made == [(str(place / f"cpu@{n}"), str(place / "cpu")) for n in (1, 2)]
    assert says(place / "cpu") == "two"
    generations.rollback("cpu")
    assert says(place / "cpu") == "one" and len(made) == 3


def test_what_programs_wrote_while_they_ran_is_no_damage(place: Path) -> None:
    put("one")
    put("two")
    cache = place / "cpu@1" / verify.written() / "tmp"
    cache.mkdir(parents=True)
    (cache / "launcher.c").write_text("")
    generations.rollback("cpu")
    assert says(place / "cpu") == "one"


def test_a_link_that_cannot_be_made_does_not_stop_it(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A disk without links, or on Windows a console that is in the folder."""
    put("one")

    def refuses(link: Path, name: str) -> None:
        raise OSError(errno.EACCES, "used by another process")

    with monkeypatch.context() as broken:
        broken.setattr(links, "point", refuses)
        assert put("two")
    (line,) = [text for text in capfd.readouterr().err.splitlines() if "warning" in text]
    assert "cpu@2 is in use now" in line and line.endswith(": used by another process")
    assert says(generations.active("cpu")) == "two" and says(place / "cpu") == "one"
    put("two")
    assert says(place / "cpu") == "two", "the next run corrects it"


def test_one_that_does_not_run_is_never_used(place: Path) -> None:
    put("one")

    def fails(where: Path) -> None:
        assert says(where) == "two", "it is tried where it will be"
        assert says(place / "cpu") == "one", "the old one is in use meanwhile"
        raise ToolError("it does not run")

    with pytest.raises(ToolError, match="it does not run"):
        generations.install("cpu", records("two"), fails)
    assert says(place / "cpu") == "one" and not (place / "cpu@2").exists()
    assert put("two"), "and the next one may be"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.EROFS, "Read-only")])
def test_an_interrupted_one_leaves_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    put("one")

    def fails(where: Path, *_: object) -> None:
        (where / "half").mkdir(parents=True)
        raise error

    wanted = records("two")
    monkeypatch.setattr(prefix, "_install", fails)
    with pytest.raises(error if isinstance(error, type) else type(error)):
        generations.install("cpu", wanted, runs)
    assert {p.name for p in place.iterdir()} == {"cpu", "cpu.json", "cpu@1"}


def test_an_edit_does_not_reach_the_next_one(place: Path) -> None:
    """Files are shared with the package cache through hard links, which are hashed again."""
    put("one")
    (place / "cpu" / "share" / "one.txt").write_text("edited\n")
    assert put("one", fresh=True)
    assert says(place / "cpu") == "one"


def test_rollback_needs_something_to_go_back_to(place: Path) -> None:
    with pytest.raises(ToolError, match="no earlier installation of cpu"):
        install.rollback(None)
    put("one")
    with pytest.raises(ToolError, match="no earlier installation of cpu"):
        install.rollback("cpu")
    assert says(place / "cpu") == "one"


def test_rollback_refuses_what_was_changed_since(place: Path) -> None:
    put("one")
    put("two")
    (place / "cpu@1" / "share" / "one.txt").write_text("edited\n")
    with pytest.raises(ToolError, match=r"cpu@1 is not as its packages say: changed: share/one"):
        install.rollback(None)
    assert says(place / "cpu") == "two"


def test_a_link_that_is_behind_is_corrected(place: Path) -> None:
    """Killed between the switch and the link, which is the only step after it that matters."""
    put("one")
    put("two")
    (place / "cpu").unlink()
    (place / "cpu").symlink_to("cpu@1")
    assert says(generations.active("cpu")) == "two"
    put("two")
    assert says(place / "cpu") == "two"


def test_a_folder_of_an_earlier_version_is_replaced(place: Path) -> None:
    """Before there were generations the prefix lay where the link has to be."""
    wanted = records("one")
    prefix.make(place / "cpu", wanted)
    assert generations.active("cpu") == place / "cpu"
    assert not generations.install("cpu", wanted, runs)
    put("two")
    assert (place / "cpu").is_symlink() and says(place / "cpu") == "two"
    assert {p.name for p in place.iterdir()} == {"cpu", "cpu.json", "cpu@1"}
    with pytest.raises(ToolError, match="no earlier installation"):
        install.rollback(None)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"active": "cpu@1", "more": 1}'])
def test_a_damaged_state_is_one_line(place: Path, content: str) -> None:
    place.mkdir(parents=True)
    (place / "cpu.json").write_text(content)
    with pytest.raises(ToolError, match=r"cpu.json is damaged; delete it and run"):
        generations.active("cpu")


def test_the_one_in_use_survives_a_deleted_state(place: Path) -> None:
    """Deleting it is what the line above asks for."""
    put("one")
    put("two")
    (place / "cpu.json").unlink()
    assert generations.active("cpu") == place / "cpu@2"

    def fails(where: Path) -> None:
        raise ToolError("it does not run")

    with pytest.raises(ToolError, match="it does not run"):
        generations.install("cpu", records("three"), fails)
    assert says(place / "cpu") == "two"


def test_a_full_disk_while_going_back_is_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    put("one")
    put("two")
    monkeypatch.setattr(generations, "_use", full)
    with pytest.raises(ToolError, match="no disk space left while writing below"):
        install.rollback(None)
    assert says(place / "cpu") == "two"


def test_targets_do_not_touch_each_other(place: Path) -> None:
    put("one")
    build.build(["gfx1100"])
    wanted = solve.records(["data", *solve.asks_for("gfx1100")])
    generations.install("gfx1100", wanted, runs)
    assert json.loads((place / "cpu.json").read_text())["active"] == "cpu@1"
    assert {p.name for p in place.iterdir() if p.is_symlink()} == {"cpu", "gfx1100"}


@pytest.mark.skipif(os.name == "nt", reason="sysfs is what not even root can write")
def test_a_place_that_cannot_be_written_is_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tools import cli

    monkeypatch.setattr(paths, "BUILD", Path("/sys/build"))
    monkeypatch.setattr("sys.argv", ["tools", "rollback"])
    assert cli.run() == 1
    assert capsys.readouterr().err.startswith("error: cannot write /sys/build: ")
