"""weak_ref_tensor: the same memory, and nothing that keeps it."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch
from gfx_kernels import weak_ref_tensor
from gfx_kernels.weak_ref_tensor import cases


@pytest.mark.parametrize("case", cases.CASES, ids=lambda c: c.name)
def test_same_memory(case: cases.Case) -> None:
    tensor = cases.problem(case)["input"]
    weak = weak_ref_tensor.weak_ref_tensor(tensor)
    assert (weak.shape, weak.stride(), weak.dtype) == (tensor.shape, tensor.stride(), tensor.dtype)
    assert weak.data_ptr() == tensor.data_ptr() and weak.device == tensor.device
    tensor.zero_()
    assert not weak.float().any()
    weak.fill_(1)
    assert bool((tensor.float() == 1).all())


def test_the_owner_is_not_kept() -> None:
    owner = np.zeros((4, 6), dtype=np.float32)
    alive = weakref.ref(owner)
    tensor = torch.from_numpy(owner)[1:, ::2]
    weak = weak_ref_tensor.weak_ref_tensor(tensor)
    del owner, tensor
    gc.collect()
    assert alive() is None and weak.shape == (3, 3)


def test_traceable() -> None:
    x = torch.randn(4, 6)[:, ::2]
    # Without the check that compares results: it looks at them when their owner is gone.
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(torch.ops.gfx.weak_ref_tensor.default, (x,), test_utils=checks)
    compiled = torch.compile(
        lambda x: torch.ops.gfx.weak_ref_tensor(x), fullgraph=True, backend="aot_eager"
    )
    assert torch.equal(compiled(x), x)


def test_bad_arguments_say_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"input is \[0, 3\]; it must not be empty"):
        weak_ref_tensor.weak_ref_tensor(torch.zeros(0, 3))
