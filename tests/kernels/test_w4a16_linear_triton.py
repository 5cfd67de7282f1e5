"""w4a16_linear's Triton product: right in Triton's interpreter, compiled for the targets it serves.

What neither shows is its speed, and bfloat16 sums: the interpreter cannot multiply those.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
import torch
from gfx_kernels import targets, w4a16_linear
from gfx_kernels.w4a16_linear import cases, implementations

# Every tile, ragged in both directions, groups of every kind.
_CASES = (
    cases.Case(9, 256, 48, 64, torch.float16, zeros=True, bias=True),
    cases.Case(17, 96, 65, -1, torch.float16),
    cases.Case(33, 128, 80, 32, torch.float16, zeros=True, ordered=True),
    cases.Case(65, 704, 33, 704, torch.float16, bias=True),
)
_CHILD = """
import json, sys
import torch
from gfx_kernels import w4a16_linear
from gfx_kernels.w4a16_linear import cases

errors = []
for fields in json.loads(sys.argv[1]):
    case = cases.Case(**{**fields, "dtype": torch.float16})
    p = cases.problem(case)
    packed = p.packed()
    tensors = (p.x, packed.qweight, packed.scales, packed.zeros, p.order, p.bias)
    out, exact = (
        w4a16_linear.w4a16_linear(*tensors, case.group_size, case.n, implementation=name).float()
        for name in ("triton", "reference")
    )
    errors.append(float((out - exact).abs().max() / exact.abs().max()))
print(json.dumps(errors))
"""


def test_it_is_right_in_the_interpreter() -> None:
    fields = json.dumps([{**vars(case), "dtype": None} for case in _CASES])
    env = {**os.environ, "TRITON_INTERPRET": "1"}
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, fields], env=env, capture_output=True, text=True
    )
    assert child.returncode == 0, child.stderr[-3000:]
    errors = json.loads(child.stdout.splitlines()[-1])
    assert len(errors) == len(_CASES) and max(errors) <= cases.TOLERANCE[torch.float16]


_ARGUMENTS = {
    "out": "T",
    "x": "T",
    "qweight": "*i32",
    "scales": "T",
    "zeros": "*i32",
    "bias": "T",
    "m": "i32",
    "n": "i32",
    "k": "i32",
    "group_size": "i32",
}


def _compiled(target: targets.Target, tile: tuple[int, int, int], dtype: str) -> Any:
    from gfx_kernels.w4a16_linear import triton_gemm
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource, compile

    constants = {"HAS_ZEROS": True, "HAS_BIAS": True, "BLOCK_M": tile[0], "BLOCK_N": tile[1]}
    types = {name: dtype if kind == "T" else kind for name, kind in _ARGUMENTS.items()}
    source = ASTSource(
        triton_gemm._gemm,
        {**types, **dict.fromkeys(constants, "constexpr")},
        {(len(types) + i,): value for i, value in enumerate(constants.values())},
        {(i,): [["tt.divisibility", 16]] for i in range(len(types))},
    )
    device = GPUTarget("hip", target.name, target.wave_size)
    return compile(source, target=device, options={"num_warps": tile[2]})


SERVED = [t for t in targets.all_targets().values() if t.matrix_op in implementations.MATRIX_OPS]


@pytest.mark.parametrize("target", SERVED, ids=lambda t: t.name)
def test_it_compiles_without_spills(
    target: targets.Target, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gfx_kernels.w4a16_linear import triton_gemm

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    for i, (_, tile) in enumerate(triton_gemm.TILES):
        code = _compiled(target, tile, ("*fp16", "*bf16")[i % 2]).asm["amdgcn"]
        assert re.findall(r"\.[vs]gpr_spill_count:\s*(\d+)", code) == ["0", "0"], tile
        assert re.findall(r"\.private_segment_fixed_size:\s*(\d+)", code) == ["0"], tile
        assert f"v_{target.matrix_op}_f32" in code, tile


def test_the_cpu_needs_the_interpreter() -> None:
    case = cases.Case(9, 64, 16, 32, torch.float16)
    packed = cases.packed_weight(case)
    x = torch.ones(9, 64, dtype=torch.float16)
    with pytest.raises(ValueError, match=r"triton was asked for .* Triton runs on a GPU"):
        w4a16_linear.w4a16_linear(
            x, packed.qweight, packed.scales, group_size=32, implementation="triton"
        )
