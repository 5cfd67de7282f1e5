"""Windows lets only administrators and developers make symbolic links: nobody here needs one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import huggingface_hub
import pytest
from huggingface_hub import file_download

from tests.stand_ins import names

MAKES = ("os.symlink(", "os.link(", ".symlink_to(", ".hardlink_to(")
REVISION = "0" * 40


@pytest.mark.parametrize("package", ["vllm", "vllm_gfx", "gfx_kernels"])
def test_no_module_makes_a_link(package: str) -> None:
    files = sorted(names.source(package).rglob("*.py"))
    assert files
    makers = [p for p in files if any(made in p.read_text(encoding="utf-8") for made in MAKES)]
    assert makers == []


def test_downloads_do_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's client links its cache's files, and moves them where it may not."""

    def symlink(*_: object, **__: object) -> NoReturn:
        raise OSError("[WinError 1314] A required privilege is not held by the client")

    monkeypatch.setattr(os, "symlink", symlink)
    monkeypatch.setattr(file_download, "_are_symlinks_supported_in_dir", {})
    folder = tmp_path / "models--some--model"
    blob = folder / "blobs" / "abc"
    pointer = folder / "snapshots" / REVISION / "config.json"
    for path in (blob, pointer):
        path.parent.mkdir(parents=True)
    blob.write_text("{}")
    with pytest.warns(UserWarning, match="symlinks"):
        file_download._create_symlink(str(blob), str(pointer), new_blob=True)
    found = huggingface_hub.try_to_load_from_cache(
        "some/model", "config.json", cache_dir=tmp_path, revision=REVISION
    )
    assert found == str(pointer) and pointer.read_text() == "{}" and not pointer.is_symlink()
