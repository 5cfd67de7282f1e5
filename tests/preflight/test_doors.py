"""Where the checks are asked: `vllm-gfx serve` and `report`, before vLLM; and the GPU platforms."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from gfx_kernels import targets
from vllm_gfx import cli, preflight
from vllm_gfx.preflight import room
from vllm_gfx.preflight import world as worlds
from vllm_gfx.refusal import Refusal

from tests.support import tinylm
from tests.support.machines import WINDOWS_CARD, blind, windows_adapters, world

# What a platform does with a VllmConfig, in a process that has the AMD path simulated on its CPU.
_ASKED = """
import sys
from vllm_gfx import preflight
from vllm_gfx.refusal import Refusal, of_configuration

def check(vllm_config):
    raise Refusal(f"asked about {vllm_config.model_config.max_model_len} tokens", "none")

preflight.check = check
from vllm import EngineArgs
try:
    with of_configuration("it"):
        EngineArgs(model=sys.argv[1], max_model_len=123, dtype="float16").create_engine_config()
except Refusal as refusal:
    print(refusal)
"""


def test_the_platform_for_gpus_asks() -> None:
    env = {**os.environ, "VLLM_GFX_SIMULATE": "gfx1100", "TRITON_INTERPRET": "1"}
    command = [sys.executable, "-c", _ASKED, str(tinylm.copy(tinylm.ORIGINAL))]
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert "asked about 123 tokens; none" in done.stdout, done.stderr[-3000:]


@pytest.mark.parametrize("asked", ["serve", "report"])
def test_the_command_line_says_one_line(
    asked: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """This machine has no GPU and torch's CPU build; an environment for gfx1100 says so."""
    (tmp_path / "gfx1100").mkdir()
    (tmp_path / "gfx1100" / "an_op.hsaco").write_bytes(b"")
    monkeypatch.setenv("GFX_KERNELS_CODE", str(tmp_path))
    monkeypatch.setattr(targets, "built_for", lambda: "gfx1100")
    monkeypatch.setattr(sys, "argv", ["vllm-gfx", asked, str(tinylm.copy(tinylm.ORIGINAL))])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    output = capsys.readouterr()
    assert ended.value.code == 2 and output.out == ""
    (line,) = output.err.splitlines()
    assert line.startswith(f"vllm-gfx {asked}: torch 2.") and "is the CPU build" in line
    assert "built for gfx1100" in line and "install the pytorch of this channel" in line


def test_a_package_that_lost_its_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "built_for", lambda: "gfx1100")
    monkeypatch.setenv("GFX_KERNELS_CODE", str(tmp_path))
    with pytest.raises(Refusal, match="holds no kernels for it; install the package gfx-kernels"):
        preflight.check_machine()


def test_a_gpu_target_asks_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "built_for", lambda: "gfx1100")
    monkeypatch.setattr(worlds, "here", lambda variables: world(torch=blind(), kfd="absent"))
    with pytest.raises(Refusal, match="/dev/kfd does not exist"):
        preflight.check_machine()
    monkeypatch.setattr(worlds, "here", lambda variables: world())
    preflight.check_machine()


def test_the_cpu_target_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for torch: its import would take a second of every start."""
    monkeypatch.setattr(worlds, "here", lambda variables: 1 / 0)
    preflight.check_machine()
    code = (
        "import sys; from vllm_gfx import preflight; preflight.check_machine();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_simulated_card_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "built_for", lambda: "gfx1100")
    monkeypatch.setenv("VLLM_GFX_SIMULATE", "gfx1100")
    monkeypatch.setattr(worlds, "here", lambda variables: 1 / 0)
    preflight.check_machine()


def test_this_machine_is_described(tmp_path: Path) -> None:
    found = worlds.here({"HIP_VISIBLE_DEVICES": "0"})
    assert found.built_for == targets.built_for() and found.torch.version.startswith("2.")
    assert found.variables == {"HIP_VISIBLE_DEVICES": "0"}
    assert worlds.kfd_state(tmp_path / "kfd") == "absent"
    device = tmp_path / "kfd"
    device.write_text("")
    assert worlds.kfd_state(device) == "usable"


def test_a_windows_machine_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch  # noqa: F401 - before the system changes under it

    windows_adapters(monkeypatch, [WINDOWS_CARD])
    found = worlds.here({})
    assert found.kfd == "usable"
    assert [adapter.software for adapter in found.amd] == ["26.8.1"]


def test_a_device_that_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "kfd"
    device.write_text("")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # tests may run as root
    assert worlds.kfd_state(device) == "forbidden"


@pytest.mark.parametrize(
    ("world_size", "engines", "asked"), [(1, 1, [1]), (2, 1, [2]), (2, 3, [6]), (1, 0, [])]
)
def test_gpus_of_all_engines_here_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, world_size: int, engines: int, asked: list[int]
) -> None:
    """Data parallel engines of this host have GPUs of their own; none here: none are needed."""
    seen: list[int] = []
    monkeypatch.delenv("VLLM_GFX_SIMULATE", raising=False)
    monkeypatch.setattr(preflight, "_refuse_gpus", seen.append)
    parallel = SimpleNamespace(local_world_size=world_size, data_parallel_size_local=engines)
    preflight.check(SimpleNamespace(parallel_config=parallel, model_config=None))
    assert seen == asked


def test_memory_of_all_engines_gpus_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    monkeypatch.setattr(preflight, "_refuse_gpus", lambda count: None)
    monkeypatch.setattr(room, "cards", lambda torch, count: counted.append(count))
    monkeypatch.setattr(room, "check", lambda config, cards: None)
    parallel = SimpleNamespace(local_world_size=1, data_parallel_size_local=2)
    preflight.check(SimpleNamespace(parallel_config=parallel, model_config=object()))
    assert counted == [2]


def test_a_card_simulated_on_the_cpu_needs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also beside a GPU: the interpreter asks for none of its memory."""
    counted: list[int] = []
    monkeypatch.setenv("VLLM_GFX_SIMULATE", "gfx1100")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 0)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(room, "cards", lambda torch, count: counted.append(count))
    monkeypatch.setattr(room, "check", lambda config, cards: None)
    parallel = SimpleNamespace(local_world_size=1, data_parallel_size_local=1)
    for interpret, asked in (("1", []), ("0", [1])):
        monkeypatch.setenv("TRITON_INTERPRET", interpret)
        preflight.check(SimpleNamespace(parallel_config=parallel, model_config=object()))
        assert counted == asked
