"""The names of transformers' models are looked for once, and are those that upstream finds."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from vllm_gfx import kept_names

from tests.shims.windows import imported
from tests.support import fresh, windows

FOUND = {
    frozenset({"torch", "vision"}): {"modeling_a": {"A", "B"}},
    "b": {frozenset(): {"configuration_b": {"B", "ß"}}, "c": {}},
}


def _imported(*kept: str) -> dict[str, Any]:
    return dict(json.loads(windows.run("-m", "tests.shims.windows.imported", *kept)))


def test_model_names(tmp_path: Path) -> None:
    """If it fails where nothing is kept, upstream reads less: the shim early/model_names.py can go.

    The first process with it looks once and not twice, the second not at all.
    """
    kept = tmp_path / "new folder" / "names.json"
    upstream, first, second = _imported(), _imported(str(kept)), _imported(str(kept))
    opened = [process["opened"] for process in (upstream, first, second)]
    assert opened[0] > 3000 and 1500 < opened[1] < 1700 and opened[2] < 30, opened
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    assert len(upstream["known"]["all"]["names"]) > 3000
    assert first["known"] == upstream["known"]
    assert second["known"] == upstream["known"]


class Models:
    """A folder of models, and how often somebody looked into it."""

    def __init__(self, root: Path) -> None:
        self.looked = 0
        self.folder, self.code = root / "models", root / "import_utils.py"
        (self.folder / "b").mkdir(parents=True)
        for file in (self.code, self.folder / "modeling_a.py", self.folder / "b" / "b.py"):
            file.write_text("text")

    def find(self, folder: Path) -> Any:
        assert folder == self.folder
        self.looked += 1
        return FOUND

    def names(self) -> Any:
        return kept_names.structure(self.folder, self.code, self.find)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    monkeypatch.setattr(kept_names, "file", lambda: tmp_path / "kept" / "names.json")
    found = Models(tmp_path)
    assert found.names() == FOUND and found.names() == FOUND and found.looked == 1
    return found


def test_this_system_keeps_them(tmp_path: Path) -> None:
    """As Windows does; without it Linux reads every file too."""
    kept = tmp_path / "names.json"
    fresh.run(_imported_here, {"NAMES": str(kept)})
    assert kept.is_file()


def _imported_here() -> None:
    imported.main(os.environ["NAMES"])


def test_what_was_kept_has_the_same_order_and_kinds(models: Models) -> None:
    kept = models.names()
    assert list(kept) == list(FOUND) and type(kept["b"][frozenset()]["configuration_b"]) is set
    assert kept is not models.names(), "one caller could change another's"


def _same_size(file: Path) -> None:
    file.write_text("also")
    os.utime(file, ns=(1, 1))


CHANGES: dict[str, Callable[[Models], object]] = {
    "a file is longer": lambda m: (m.folder / "b" / "b.py").write_text("longer"),
    "a file of the same size": lambda m: _same_size(m.folder / "modeling_a.py"),
    "a new file": lambda m: (m.folder / "b" / "c.py").write_text(""),
    "a file less": lambda m: (m.folder / "b" / "b.py").unlink(),
    "a file has another name": lambda m: (m.folder / "b" / "b.py").rename(m.folder / "b" / "c.py"),
    "another way to look": lambda m: m.code.write_text("other code"),
    "elsewhere": lambda m: setattr(m, "folder", m.folder.rename(m.folder.with_name("others"))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_has_changed_is_looked_for(models: Models, change: str) -> None:
    CHANGES[change](models)
    assert models.names() == FOUND and models.looked == 2
    assert models.names() == FOUND and models.looked == 2


def test_another_version_is_looked_for(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(__version__="none such"))
    assert models.names() == FOUND and models.looked == 2


def test_bytecode_changes_nothing(models: Models) -> None:
    cache = models.folder / "b" / "__pycache__"
    cache.mkdir()
    (cache / "b.pyc").write_text("")
    assert models.names() == FOUND and models.looked == 1


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "foreign": lambda whole: b'{"a": [1]}\n[[1, 2]]',
    "no text": lambda whole: bytes(range(256)),
    "cut": lambda whole: whole[:-5],
    "one letter": lambda whole: whole.replace(b"modeling_a", b"modeling_b"),
    "the head only": lambda whole: whole.partition(b"\n")[0],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_written_anew(models: Models, damage: str) -> None:
    file = kept_names.file()
    whole = file.read_bytes()
    file.write_bytes(DAMAGE[damage](whole))
    assert models.names() == FOUND and models.looked == 2
    assert file.read_bytes() == whole


def test_where_nothing_can_be_written(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """As in a prefix of the administrator's, or where a program has the file open on Windows."""
    caplog.set_level(logging.DEBUG)
    busy = tmp_path / "busy.json"
    (busy / "not empty").mkdir(parents=True)
    for place in (models.code / "names.json", busy):
        monkeypatch.setattr(kept_names, "file", lambda place=place: place)
        assert models.names() == FOUND
    assert models.looked == 3
    assert [record.levelname for record in caplog.records] == ["DEBUG", "DEBUG"]
    assert not list(tmp_path.glob("busy.[0-9]*")), "what was begun is still there"


@pytest.mark.parametrize("other", [{"a": ["B"]}, {"a": {("B", "C")}}, {"a": {"B", 1}}, [], None])
def test_another_shape_is_not_kept(models: Models, other: Any) -> None:
    kept_names.file().unlink()
    assert kept_names.structure(models.folder, models.code, lambda folder: other) == other
    assert not kept_names.file().exists()
