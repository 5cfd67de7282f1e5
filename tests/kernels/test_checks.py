"""Each check passes what fits, and names the argument, what it is, and the rule otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from gfx_kernels import checks

X = torch.zeros(4, 6)
META = torch.zeros(4, 6, device="meta")
HALF = X.half()

FITS: list[Callable[[], None]] = [
    lambda: checks.dtype("x", HALF, torch.float16, torch.bfloat16),
    lambda: checks.dims("x", X, 2),
    lambda: checks.shape("x", X, ("tokens", 6)),
    lambda: checks.not_empty("x", X),
    lambda: checks.contiguous("x", X),
    lambda: checks.rows_contiguous("x", X[:, :3]),
    lambda: checks.rows_contiguous("x", X.t()[:, :1]),  # one element a row: its stride is nothing
    lambda: checks.rows_contiguous("x", torch.zeros(())),
    lambda: checks.same_device(x=X, w=None, y=HALF),
    lambda: checks.same_dtype(w=None, x=X, y=META),
    lambda: checks.between("m", 8, 1, 8),
    lambda: checks.multiple("k", 96, 32),
    lambda: checks.one_of("size", 32, (32, 64)),
    lambda: checks.aligned("x", X, 16),
]

REFUSED: list[tuple[Callable[[], None], str]] = [
    (lambda: checks.dtype("x", X, torch.float16, torch.bfloat16),
     "x is float32; give float16 or bfloat16"),
    (lambda: checks.dims("x", X, 3), "x is [4, 6]; give it 3 dimensions"),
    (lambda: checks.shape("x", X, ("tokens", 7)), "x is [4, 6]; give [tokens, 7]"),
    (lambda: checks.shape("x", X, (4,)), "x is [4, 6]; give [4]"),
    (lambda: checks.shape("x", X, (4, 6, 1)), "x is [4, 6]; give [4, 6, 1]"),
    (lambda: checks.not_empty("x", X[:0]), "x is [0, 6]; it must not be empty"),
    (lambda: checks.contiguous("x", X.t()), "x has strides (1, 6); make it contiguous"),
    (lambda: checks.rows_contiguous("x", X.t()),
     "x has strides (1, 6); its last dimension must have stride 1"),
    (lambda: checks.same_device(x=X, w=None, y=META), "y is on meta, x is on cpu; move one"),
    (lambda: checks.same_dtype(x=X, w=None, y=HALF), "y is float16, x is float32; cast one"),
    (lambda: checks.between("m", 9, 1, 8), "m is 9; give 1 to 8"),
    (lambda: checks.between("m", 0, 1, 8), "m is 0; give 1 to 8"),
    (lambda: checks.multiple("k", 33, 32), "k is 33; give a positive multiple of 32"),
    (lambda: checks.multiple("k", 0, 32), "k is 0; give a positive multiple of 32"),
    (lambda: checks.multiple("k", -32, 32), "k is -32; give a positive multiple of 32"),
    (lambda: checks.one_of("size", 48, (32, 64)), "size is 48; give one of 32, 64"),
    (lambda: checks.aligned("x", X.view(-1)[1:], 16),
     "x starts 4 bytes past a multiple of 16; copy it (clone) instead of passing a view"),
]  # fmt: skip


@pytest.mark.parametrize("check", FITS)
def test_what_fits_passes(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize(("check", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_does_not_fit_is_refused(check: Callable[[], None], message: str) -> None:
    with pytest.raises(ValueError, match=r"^") as error:
        check()
    assert str(error.value) == message


def test_an_absent_tensor_passes() -> None:
    checks.dtype("x", None, torch.float16)
    checks.shape("x", None, (1,))
    checks.aligned("x", None, 16)


def test_checks_are_traced_without_a_graph_break() -> None:
    def checked(x: torch.Tensor) -> torch.Tensor:
        checks.dtype("x", x, torch.float32)
        checks.shape("x", x, ("tokens", 6))
        checks.rows_contiguous("x", x)
        checks.same_device(x=x, y=None)
        checks.multiple("k", x.shape[1], 3)
        return x + 1

    explained = torch._dynamo.explain(checked)(X)
    assert explained.graph_break_count == 0
