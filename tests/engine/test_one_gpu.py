"""On Windows a request for more than one GPU is refused, and the refusal names what works."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from vllm_gfx.parallel import one_gpu
from vllm_gfx.refusal import Refusal

from tests.shims.amd import simulate


def _config(**settings: object) -> SimpleNamespace:
    return SimpleNamespace(**{**dict.fromkeys(one_gpu.SETTINGS, 1), **settings})


@pytest.mark.parametrize("setting", one_gpu.SETTINGS)
def test_windows(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    one_gpu.check(_config())
    with pytest.raises(Refusal) as told:
        one_gpu.check(_config(**{setting: 2}))
    flag = "--" + setting.replace("_", "-") + " 2"
    assert flag in str(told.value) and "vllm-gfx replicas MODEL --gpus 0,1" in str(told.value)


@pytest.mark.parametrize("setting", one_gpu.BACKENDS)
def test_ray_on_windows(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(Refusal, match="replicas"):
        one_gpu.check(_config(**{setting: "ray"}))


def test_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    one_gpu.check(_config(tensor_parallel_size=8))


# The name of the system only: everything else stays what it is here.
_ASKED = """
import sys
from vllm.config import ParallelConfig, VllmConfig

VllmConfig()  # imports what it needs, for the system that this is
sys.platform, here = "win32", sys.platform
try:
    VllmConfig(parallel_config=ParallelConfig(tensor_parallel_size=2))
    answer = "not refused"
except ValueError as error:
    answer = str(error)
sys.platform = here
answer = [answer, sorted(ParallelConfig.__dataclass_fields__)]
"""


def test_the_amd_platform_refuses() -> None:
    told, fields = simulate.ask("gfx1100", _ASKED)
    assert "--tensor-parallel-size 2: on Windows" in told and "vllm-gfx replicas" in told
    assert {*one_gpu.SETTINGS, *one_gpu.BACKENDS} <= set(fields)
