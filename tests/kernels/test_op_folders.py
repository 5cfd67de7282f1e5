"""Every op folder of gfx_kernels has its four parts and a test of its own name."""

from __future__ import annotations

import importlib
from pathlib import Path

import gfx_kernels
import pytest

_ROOT = Path(gfx_kernels.__file__).parent
OPS = sorted(p.parent.name for p in _ROOT.glob("*/reference.py"))


def test_ops_are_found() -> None:
    assert "w4a16_linear" in OPS


@pytest.mark.parametrize("op", OPS)
def test_has_reference_cases_and_test(op: str) -> None:
    assert callable(getattr(importlib.import_module(f"gfx_kernels.{op}"), op))
    assert callable(getattr(importlib.import_module(f"gfx_kernels.{op}.reference"), op))
    cases = importlib.import_module(f"gfx_kernels.{op}.cases")
    names = [case.name for case in cases.CASES]
    assert names and len(set(names)) == len(names), "cases must be named, each once"
    assert cases.ACCUMULATOR is None or cases.ACCUMULATOR.is_floating_point
    assert Path(__file__).with_name(f"test_{op}.py").is_file()
