"""When one of these fails, the shim it names is no longer needed: delete it."""

from __future__ import annotations

from tests.shims.amd import simulate

_PLATFORM = "from vllm.platforms import current_platform as p; p.is_rocm()\n"
_TOP_K_TOP_P = (
    _PLATFORM
    + """
import torch
from vllm_gfx.engine import top_k_top_p
from vllm.v1.sample.ops import topk_topp_sampler as sampler

logits = torch.arange(64.0).repeat(2, 1)
k, p = torch.tensor([5, 3]), torch.tensor([0.9, 0.8])
try:
    sampler.apply_top_k_top_p_triton(logits.clone(), k, p)
    plain = ""
except Exception as error:
    plain = str(error)
top_k_top_p.install()
kept = torch.isfinite(sampler.apply_top_k_top_p(logits.clone(), k, p)).sum(1)
answer = {"plain": plain, "kept": kept.tolist(), "needed": top_k_top_p.needed()}
"""
)
_FP8 = (
    _PLATFORM
    + """
import numpy as np, torch, triton, triton.language as tl
from vllm_gfx.engine import interpreter_fp8

@triton.jit
def cast(source, target, N: tl.constexpr):
    at = tl.arange(0, N)
    tl.store(target + at, tl.load(source + at))

def differing(kind):
    x = torch.linspace(-17.0, 17.0, 1024)
    out = torch.zeros(1024, dtype=kind)
    cast[(1,)](x, out, N=1024)
    return int((out.float() != x.to(kind).float()).sum())

def tried(kind):
    try:
        return differing(kind)
    except Exception as error:
        return str(error)

kinds = {"e4m3fn": torch.float8_e4m3fn, "fnuz": torch.float8_e4m3fnuz}
plain = {name: tried(kind) for name, kind in kinds.items()}
interpreter_fp8.install()
interpreter_fp8.install()
answer = {
    "plain": plain,
    "exact": {name: tried(kind) for name, kind in kinds.items()},
    "needed": interpreter_fp8.needed(),
}
"""
)
_TRITON = "from vllm.triton_utils import HAS_TRITON\nanswer = HAS_TRITON"


def test_top_k_top_p() -> None:
    found = simulate.ask("gfx1100", _TOP_K_TOP_P)
    assert found["needed"] and found["plain"], "vllm_gfx/engine/top_k_top_p.py can go"
    assert found["kept"] == [3, 2]  # of 5 and 3 candidates, 0.64 + 0.23 + 0.09 and 0.67 + 0.24


def test_interpreter_fp8() -> None:
    found = simulate.ask("gfx1100", _FP8)
    assert found["needed"]
    assert found["plain"]["e4m3fn"] != 0, "vllm_gfx/engine/interpreter_fp8.py: rounding can go"
    assert "fp8e4b8" in str(found["plain"]["fnuz"]), "its type can go"
    assert found["exact"] == {"e4m3fn": 0, "fnuz": 0}


_SHOWN = "import os, vllm_gfx.early\nos.environ['HIP_VISIBLE_DEVICES'] = '0'\n"


def test_interpreter() -> None:
    assert simulate.ask("gfx1100", _PLATFORM + _TRITON) is True
    shown = simulate.ask("gfx1100", _SHOWN + _PLATFORM + _TRITON)
    assert shown is False, "vllm_gfx/early/interpreter.py: hiding devices can go"
