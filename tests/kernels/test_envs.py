"""The environment is read in one module, which says what each variable means."""

from __future__ import annotations

from pathlib import Path

import gfx_kernels
import pytest
from gfx_kernels import envs

PACKAGE = Path(gfx_kernels.__file__).parent
READERS = {
    "GFX_KERNELS_IMPLEMENTATION": envs.implementations,
    "GFX_KERNELS_CODE": envs.code_folder,
}


def test_every_variable_is_declared_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(READERS) == set(envs.VARIABLES)
    for name, read in READERS.items():
        monkeypatch.setenv(name, "some text")
        assert read() == "some text"
        monkeypatch.delenv(name)
        assert read() == ""


def test_no_other_module_reads_the_environment() -> None:
    readers = {
        str(file.relative_to(PACKAGE))
        for file in PACKAGE.rglob("*.py")
        if any(word in file.read_text(encoding="utf-8") for word in ("environ", "getenv"))
    }
    assert readers == {"envs.py"}
