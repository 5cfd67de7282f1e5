"""Every op folder of gfx_kernels has its four parts and a test of its own name."""

from __future__ import annotations

import ast
import importlib
from graphlib import TopologicalSorter
from pathlib import Path

import gfx_kernels
import pytest

from tests.support import writing_op

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


@pytest.mark.parametrize("op", writing_op.WITH_KERNEL)
def test_a_kernel_is_tested_on_a_gpu_and_emulated(op: str) -> None:
    """`test_on_gpu.py` finds ops that write their arguments by itself."""
    assert op in writing_op.OPS or Path(__file__).with_name(f"test_{op}_on_gpu.py").is_file()
    cases = importlib.import_module(f"gfx_kernels.{op}.cases")
    assert any(case.emulate for case in cases.CASES), "mark small cases with emulate=True"
    assert cases.BENCH


def _used_by(folder: str) -> set[str]:
    """Folders of gfx_kernels that modules of `folder` import."""
    found = set()
    for file in (_ROOT / folder).glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                whole = [f"{node.module}.{alias.name}".split(".") for alias in node.names]
                found |= {name[1] for name in whole if name[0] == _ROOT.name}
    return found & {path.parent.name for path in _ROOT.glob("*/__init__.py")} - {folder}


def test_folders_do_not_import_each_other_in_circles() -> None:
    order = TopologicalSorter({name: _used_by(name) for name in OPS})
    assert "w4a16_dequantise" in _used_by("w4a16_linear")
    order.prepare()  # raises CycleError
