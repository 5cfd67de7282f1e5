"""Shims: each has its header, installs once, and expires when it is no longer needed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from vllm_gfx import apply

SHIMS = [shim for stage in apply.STAGES for shim in apply.shims(stage)]


def test_shims_are_found() -> None:
    assert "vllm_gfx.engine.empty_host_cache" in [s.__name__ for s in SHIMS]


@pytest.mark.parametrize("shim", SHIMS, ids=lambda s: s.__name__)
def test_header(shim: ModuleType) -> None:
    assert shim.__doc__ and shim.TARGET and shim.UPSTREAM and shim.REMOVE_WHEN
    assert set(shim.APPLIES) <= {"linux", "win32"} and shim.APPLIES


@pytest.mark.parametrize("shim", SHIMS, ids=lambda s: s.__name__)
def test_somebody_tests_its_expiry(shim: ModuleType) -> None:
    """CONTRIBUTING asks for a test that fails when the shim can go."""
    stem = shim.__name__.rsplit(".", 1)[-1]
    others = [p for p in Path(__file__).parents[1].rglob("test_*.py") if p != Path(__file__)]
    own = re.compile(rf"\b{stem}\.needed\(\)|\bdef test_(\w+_)?{stem}(_\w+)?\(")
    imported = re.compile(rf"(import|vllm_gfx)[^\n]*\b{stem}\b")
    asked = re.compile(r"\.needed\(\)|def test_\w*needed")
    texts = [p.read_text(encoding="utf-8") for p in others]
    assert any(own.search(t) or (imported.search(t) and asked.search(t)) for t in texts)


def _stage(monkeypatch: pytest.MonkeyPatch, *shims: ModuleType) -> None:
    monkeypatch.setattr(apply, "shims", lambda stage: list(shims))
    monkeypatch.setattr(apply, "_installed", {})


def _shim(
    name: str, *, needed: bool = True, applies: tuple[str, ...] = (sys.platform,)
) -> ModuleType:
    shim = ModuleType(name)
    shim.APPLIES, shim.TARGET, shim.UPSTREAM, shim.REMOVE_WHEN = applies, "a", "b", "c"
    shim.calls = []
    shim.needed = lambda: needed
    shim.install = lambda: shim.calls.append(name)
    return shim


def test_second_apply_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shim = _shim("once")
    _stage(monkeypatch, shim)
    apply.apply("engine")
    apply.apply("engine")
    assert shim.calls == ["once"] and apply.active() == ["once"]


def test_unneeded_and_foreign_shims_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    idle, foreign = _shim("idle", needed=False), _shim("foreign", applies=("another-os",))
    _stage(monkeypatch, idle, foreign)
    apply.apply("engine")
    assert idle.calls == foreign.calls == [] and apply.active() == []


def test_incomplete_shim_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    incomplete = ModuleType("vllm_gfx.engine.incomplete")
    monkeypatch.setitem(sys.modules, incomplete.__name__, incomplete)
    found = [type("Info", (), {"name": "incomplete"})]
    monkeypatch.setattr(apply.pkgutil, "iter_modules", lambda path: found)
    with pytest.raises(TypeError, match=r"engine\.incomplete lacks APPLIES, TARGET"):
        apply.shims("engine")
