"""A user's name in three alphabets, on Windows Python: libraries load, compilers get ASCII names.

Under Wine a short name never keeps letters of the system's alphabet; on Windows it may.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.windows import programs
from tools.windows import wine


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What programs/odd_folders.py says."""
    folder: Path = tmp_path_factory.mktemp("users")
    return dict(programs.output("odd_folders", wine.windows_path(folder)))


def test_the_short_name_leads_to_the_same_folder(said: dict[str, Any]) -> None:
    assert said["short"].isascii() and said["same"]


def test_tvm_ffi_still_needs_our_shim(said: dict[str, Any]) -> None:
    """The expiry test of tvm_ffi_path, beside its needed()."""
    assert "Failed to load dynamic shared library" in said["without"]


def test_with_the_shim_the_library_loads(said: dict[str, Any]) -> None:
    assert said["with"] == ""


def test_temporary_files_and_caches_get_plain_names(said: dict[str, Any]) -> None:
    assert {"TMP", "TEMP", "TRITON_CACHE_DIR", "VLLM_CACHE_ROOT"} <= said["set"].keys()
    assert all(value.isascii() for value in said["set"].values())
    assert said["temporary"] == said["set"]["TMP"]


def test_processes_meet_in_a_file_there(said: dict[str, Any]) -> None:
    """vLLM puts the folder's name into a URL as it is, and takes it out as it is."""
    assert said["meet"] == [True, True]
