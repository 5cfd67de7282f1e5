"""Checks that are the same for every gated activation of gfx_kernels."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from gfx_kernels import gated

from tests.support import writing_op

X = torch.zeros(6, 8)
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "input dtype": ({"input": X.int()}, "input is int32; give float16 or bfloat16 or float32"),
    "input odd": ({"input": torch.zeros(6, 7)}, r"input is \[6, 7\]; give it \[..., 2 \* size\]"),
    "input scalar": ({"input": torch.tensor(1.0)}, "gate, then up"),
    "input empty": ({"input": X[:0]}, "input is .* it must not be empty"),
    "input no size": ({"input": X[:, :0]}, "it must not be empty"),
    "input stride": ({"input": X.mT.contiguous().mT}, "last dimension must have stride 1"),
    "input rows": (
        {"input": torch.zeros(3, 4, 8)[:, :2], "out": torch.zeros(3, 2, 4)},
        "its rows may lie at 1 different distance,",
    ),
    "input long": (
        {"input": torch.zeros(1).expand(1, 2**25)},
        "the size of out's rows is 16777216; give 1 to 8388480",
    ),
    "out shape": ({"out": torch.zeros(6, 8)}, r"out is \[6, 8\]; give \[6, 4\]"),
    "out dtype": ({"out": torch.zeros(6, 4).half()}, "out is float16, input is float32; cast one"),
    "out stride": ({"out": torch.zeros(6, 5)[:, :4]}, "out has strides .* make it contiguous"),
    "device": ({"out": torch.zeros(6, 4, device="meta")}, "out is on meta, input is on cpu"),
}


def definition(activation: Callable[[float], float]) -> writing_op.Definition:
    """The op by `activation`, number by number."""

    def of(a: dict[str, Any]) -> dict[str, writing_op.Array]:
        gate, up = np.split(a["input"], 2, axis=-1)
        return {"out": np.vectorize(activation)(gate) * up}

    return of


def check_public_function(op: str) -> None:
    function = getattr(importlib.import_module(f"gfx_kernels.{op}"), op)
    x = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
    out = torch.empty(2, 3, 4)
    assert function(x, out=out) is out and torch.equal(function(x), out)
    with pytest.raises(ValueError, match=r"give it \[..., 2 \* size\]"):
        function(torch.tensor(1.0))


def check_bad_argument(op: str, which: str) -> None:
    change, message = BAD[which]
    good = {"out": torch.zeros(6, 4), "input": X}
    gated.check(**good)
    arguments = {**good, **change}
    with pytest.raises(ValueError, match=message):
        gated.check(**arguments)
    if which != "device":  # torch itself refuses to mix devices
        with pytest.raises(ValueError, match=message):
            writing_op.call(op, arguments)
