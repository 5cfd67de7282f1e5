"""gelu_tanh_and_mul against its definition, traced, and its error messages."""

from __future__ import annotations

import math

import pytest
from gfx_kernels.gated_cases import Case
from gfx_kernels.gelu_tanh_and_mul import cases

from tests.support import gated, writing_op

OP = "gelu_tanh_and_mul"


def _activation(v: float) -> float:
    return v / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)))


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_result(case: Case) -> None:
    writing_op.check_result(OP, case)


@pytest.mark.parametrize("case", writing_op.small(OP), ids=lambda c: c.name)
def test_reference_is_the_definition(case: Case) -> None:
    writing_op.check_definition(OP, case, gated.definition(_activation))


@pytest.mark.parametrize("case", [cases.CASES[0], Case(3, 64, gap=2)])
def test_traceable(case: Case) -> None:
    writing_op.check_traceable(OP, case)


def test_public_function() -> None:
    gated.check_public_function(OP)


@pytest.mark.parametrize("which", gated.BAD)
def test_bad_arguments_say_what_to_do(which: str) -> None:
    gated.check_bad_argument(OP, which)
