"""Registering twice is registering once, and elsewhere than on our platforms it is nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import vllm_gfx
from vllm.model_executor.kernels import linear as upstream
from vllm.model_executor.layers.quantization import QUANTIZATION_METHODS, get_quantization_config
from vllm.platforms import PlatformEnum
from vllm_gfx.linear import registration
from vllm_gfx.linear.kernel import GfxW4A16LinearKernel


def test_ours_comes_first_and_once() -> None:
    before = (len(QUANTIZATION_METHODS), upstream._POSSIBLE_KERNELS[PlatformEnum.ROCM][:])
    vllm_gfx.register()
    assert before == (len(QUANTIZATION_METHODS), upstream._POSSIBLE_KERNELS[PlatformEnum.ROCM])
    for platform in registration.PLATFORMS:
        kernels = upstream._POSSIBLE_KERNELS[platform]
        assert kernels[0] is GfxW4A16LinearKernel and kernels.count(kernels[0]) == 1


@pytest.mark.parametrize("name", registration.CONFIGS)
def test_every_name_resolves_to_ours(name: str) -> None:
    assert get_quantization_config(name) is registration.CONFIGS[name]


@pytest.mark.parametrize(
    "method, ours, user",
    [("gptq", "auto_gptq", None), ("awq", "auto_awq", None), ("gptq", "auto_gptq", "gptq_marlin")],
)
def test_what_checkpoints_call_themselves(method: str, ours: str, user: str | None) -> None:
    config = get_quantization_config(ours)
    assert config.override_quantization_method({"quant_method": method}, user) == ours


def test_nothing_on_other_platforms() -> None:
    code = """
import vllm_gfx
from vllm.platforms import current_platform
from vllm.model_executor.kernels import linear
from vllm.model_executor.layers import quantization
before = {p: ks[:] for p, ks in linear._POSSIBLE_KERNELS.items()}
vllm_gfx.register()
assert not type(current_platform).__module__.startswith("vllm_gfx"), type(current_platform)
assert before == linear._POSSIBLE_KERNELS
assert not quantization._CUSTOMIZED_METHOD_TO_QUANT_CONFIG
"""
    # An empty VLLM_PLUGINS: no platform plug-in is looked for, ours included.
    env = {**os.environ, "VLLM_PLUGINS": ""}
    child = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr[-2000:]
