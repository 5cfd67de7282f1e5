"""The choice on AMD cards, simulated: upstream's Triton kernel serves, and the report says why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gfx_kernels import targets

from tests.shims.linear import formats

_ROOT = Path(__file__).parents[3]
_GFX = [t.name for t in targets.all_targets().values() if "simulated" in t.tests]
_TRITON = "TritonW4A16LinearKernel"


def _simulated(gfx: str, argv: list[str], **env: str) -> subprocess.CompletedProcess[str]:
    simulation = {
        "VLLM_GFX_SIMULATE": gfx,
        "TRITON_INTERPRET": "1",
        "HIP_VISIBLE_DEVICES": "",
        "CUDA_VISIBLE_DEVICES": "",
    }
    return subprocess.run(
        [sys.executable, *argv],
        env={**os.environ, **simulation, **env},
        cwd=_ROOT,
        capture_output=True,
        text=True,
    )


def _layers(gfx: str, *names: str) -> dict[str, tuple[str, list[str]]]:
    child = _simulated(gfx, ["-m", "tests.shims.linear.amd_child", *names])
    assert child.returncode == 0, child.stderr[-3000:]
    found: dict[str, tuple[str, list[str]]] = json.loads(child.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("gfx", _GFX)
def test_choice_is_the_triton_kernel_and_right(gfx: str) -> None:
    names = formats.FORMATS if gfx == "gfx1100" else ["gptq-g128", "awq-g128"]
    for name, (kernel, passed) in _layers(gfx, *names).items():
        assert kernel == _TRITON, name
        assert passed[0] == (f"not GfxW4A16LinearKernel: a simulated {gfx} runs no compiled kernel")
        hybrid = "torch.ops._rocm_C.wvSplitK_int4_g is not in this build"
        assert f"not RDNAHybridW4A16LinearKernel: {hybrid}" in passed


# What the chooser says as things are added to a process: nothing, our shims, an op, a variable.
_CHOOSER = """
import os, torch, vllm_gfx
from vllm.model_executor.kernels.linear import (
    ExllamaLinearKernel, MPLinearLayerConfig, RDNAHybridW4A16LinearKernel, choose_mp_linear_kernel)
from vllm.scalar_type import scalar_types

config = MPLinearLayerConfig((256, 96), (256, 96), scalar_types.uint4b8, torch.float16, 128, False)
def answers():
    kernels = (ExllamaLinearKernel, RDNAHybridW4A16LinearKernel)
    print([kernel.can_implement(config)[0] for kernel in kernels])
answers()
vllm_gfx.register()
answers()
library = torch.library.Library("_rocm_C", "FRAGMENT")
library.define("wvSplitK_int4_g(Tensor a) -> Tensor")
answers()
os.environ["VLLM_DISABLED_KERNELS"] = "RDNAHybridW4A16LinearKernel,TritonW4A16LinearKernel"
try:
    print(choose_mp_linear_kernel(config))
except ValueError as error:
    print(str(error).count("disabled by environment variable"))
"""


@pytest.fixture(scope="module")
def chooser() -> list[str]:
    child = _simulated("gfx1100", ["-c", _CHOOSER])
    assert child.returncode == 0, child.stderr[-3000:]
    return child.stdout.splitlines()[-4:]


def test_linear_kernels_without_ops_is_still_needed(chooser: list[str]) -> None:
    """When this fails, upstream asks for its ops itself: delete the shim."""
    assert chooser[0] == "[True, True]"


def test_kernels_without_ops_say_no(chooser: list[str]) -> None:
    assert chooser[1] == "[False, False]"


def test_a_kernel_with_its_op_keeps_upstreams_answer(chooser: list[str]) -> None:
    assert chooser[2] == "[False, True]"


def test_the_users_variable_wins(chooser: list[str]) -> None:
    assert chooser[3] == "2"
