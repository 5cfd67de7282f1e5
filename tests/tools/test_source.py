"""Fetching a pinned source: by pip, by digest, from the cache, and every way it can go wrong."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.tools.conftest import Checkout
from tools import cache, recipes, source
from tools.errors import ToolError
from tools.recipes import Recipe

METADATA = "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n"
BACKEND = f"""
from pathlib import Path

def prepare_metadata_for_build_wheel(folder, settings=None):
    Path(folder, "thing-1.0.dist-info").mkdir()
    Path(folder, "thing-1.0.dist-info", "METADATA").write_text({METADATA!r})
    return "thing-1.0.dist-info"
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def _sdist(comment: str = "") -> bytes:
    """A source distribution that pip can ask for its metadata."""
    files = {"pyproject.toml": PROJECT, "backend.py": BACKEND + comment, "PKG-INFO": METADATA}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"thing-1.0/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return raw.getvalue()


@pytest.fixture
def index(checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the package index; the cache is empty."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("VLLM_GFX_CACHE", str(tmp_path / "cache"))
    return folder


def _recipe(checkout: Checkout, content: bytes) -> Recipe:
    raw = {
        "context": {"version": "1.0", "sha256": hashlib.sha256(content).hexdigest()},
        "package": {"name": "thing", "version": "1.0"},
        "source": [{"path": "../../build/sources/thing-${{ version }}.tar.gz"}],
        "build": {"script": {"env": {"A": "1"}}},
    }
    folder = checkout.root / "recipes" / "thing"
    folder.mkdir()
    (folder / "recipe.yaml").write_text(yaml.safe_dump(raw))
    return recipes.load(folder)


def _fetch(recipe: Recipe) -> None:
    source.fetch(recipe, Path(sys.executable), lambda text: None)


def test_fetched_once_then_taken_from_the_cache(checkout: Checkout, index: Path) -> None:
    content = _sdist()
    recipe = _recipe(checkout, content)
    (index / "thing-1.0.tar.gz").write_bytes(content)
    assert not source.have(recipe, print)
    _fetch(recipe)
    place = source.pinned(recipe)
    assert place and place.read_bytes() == content
    place.unlink()
    (index / "thing-1.0.tar.gz").unlink()
    assert source.have(recipe, print) and place.read_bytes() == content


def test_the_wrong_digest_is_named_and_nothing_is_placed(checkout: Checkout, index: Path) -> None:
    right, wrong = _sdist(), _sdist("# not what was pinned")
    recipe = _recipe(checkout, right)
    (index / "thing-1.0.tar.gz").write_bytes(wrong)
    digest = hashlib.sha256(wrong).hexdigest()
    with pytest.raises(ToolError, match=f"thing==1.0: sha256 is {digest}") as error:
        _fetch(recipe)
    assert recipe.context["sha256"] in str(error.value) and "\n" not in str(error.value)
    place = source.pinned(recipe)
    assert place and not place.exists() and cache.find(digest, print) is None


def test_a_truncated_download_is_refused_by_its_digest(checkout: Checkout, index: Path) -> None:
    content = _sdist()
    recipe = _recipe(checkout, content)
    (index / "thing-1.0.tar.gz").write_bytes(content[:-40])
    with pytest.raises(ToolError, match="truncated or replaced"):
        _fetch(recipe)


def test_what_lies_there_and_is_damaged_is_replaced(checkout: Checkout, index: Path) -> None:
    content = _sdist()
    recipe = _recipe(checkout, content)
    (index / "thing-1.0.tar.gz").write_bytes(content)
    _fetch(recipe)
    place = source.pinned(recipe)
    assert place
    place.unlink()  # it is a hard link into the cache
    place.write_bytes(content[:100])
    assert source.have(recipe, print) and place.read_bytes() == content


def test_an_index_without_it_is_one_line(checkout: Checkout, index: Path) -> None:
    recipe = _recipe(checkout, _sdist())
    with pytest.raises(ToolError, match=r"pip cannot fetch thing==1\.0: No matching") as error:
        _fetch(recipe)
    assert "check the package index" in str(error.value) and "\n" not in str(error.value)


def test_a_setup_that_fails_is_one_line(checkout: Checkout, index: Path) -> None:
    content = _sdist("import no_such_module\n")
    recipe = _recipe(checkout, content)
    (index / "thing-1.0.tar.gz").write_bytes(content)
    with pytest.raises(ToolError, match="No module named 'no_such_module'"):
        _fetch(recipe)


def test_a_recipe_of_this_checkout_has_no_pinned_source(checkout: Checkout) -> None:
    recipe = recipes.get("data")
    assert source.pinned(recipe) is None and source.have(recipe, print)
