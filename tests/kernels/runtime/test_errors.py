"""Each way to fail is an exception of its own and one line that says what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from gfx_kernels import runtime
from gfx_kernels.runtime import driver, host, library, objects

from tests import mock_hip

AXPB = runtime.kernel("probe", "probe_axpb", "ppiff")


def _launch() -> None:
    AXPB.launch((1, 1, 1), (64, 1, 1), 0, 4096, 8192, 9, 1.0, 2.0)


def _message(kind: type[runtime.GpuError], *words: str) -> str:
    with pytest.raises(kind) as error:
        _launch()
    text = str(error.value)
    assert type(error.value) is kind and "\n" not in text
    assert all(word in text for word in words), text
    return text


@pytest.fixture
def folder(probes: Path, tmp_path: Path) -> Path:
    """A copy of the probes, to damage."""
    shutil.copytree(probes, tmp_path / "code")
    return tmp_path / "code"


def test_no_runtime_is_in_a_torch_for_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.version, "cuda", None)
    driver._of_torch.cache_clear()
    _message(runtime.NoRuntime, torch.__version__, "built for CPUs", "install the pytorch")


def test_no_library() -> None:
    with pytest.raises(runtime.NoRuntime, match=r"none of libnone\.so\.1 is loaded or found"):
        library.find(("libnone.so.1",))


def test_no_device_in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(runtime.NoDevice, match="torch sees no GPU"):
        host.Torch()


def test_no_device_in_the_runtime(gpu: mock_hip.Gpu) -> None:
    gpu.fail("hipInit", 100)
    with pytest.raises(runtime.NoDevice, match="hipInit: no ROCm-capable device is detected"):
        mock_hip.Hip(mock_hip.library.load())


def test_no_object_names_the_nearest_target(probes: Path) -> None:
    with mock_hip.device("gfx1103", folder=probes):
        _message(runtime.NoCodeObject, "probe has no code object for gfx1103", str(probes),
                 "nearest that is here is gfx1100", "HSA_OVERRIDE_GFX_VERSION=11.0.0")  # fmt: skip


def test_no_object_and_none_near(probes: Path) -> None:
    with mock_hip.device("gfx1201", folder=probes):
        text = _message(runtime.NoCodeObject, "install the gfx-kernels of gfx1201", "gfx1100")
    assert "OVERRIDE" not in text


def test_no_object_at_all(tmp_path: Path) -> None:
    with mock_hip.device("gfx1100", folder=tmp_path):
        _message(runtime.NoCodeObject, "found: none for any target")


def test_another_target_s_object(folder: Path) -> None:
    shutil.copy(folder / "gfx906" / "probe.hsaco", folder / "gfx1100" / "probe.hsaco")
    with mock_hip.device("gfx1100", folder=folder) as gpu:
        _message(runtime.WrongTarget, "holds code for gfx906, this device is gfx1100")
    assert gpu.loaded == []


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "zeros"])
def test_a_corrupt_object_never_reaches_the_driver(folder: Path, damage: str) -> None:
    file = folder / "gfx1100" / "probe.hsaco"
    whole = file.read_bytes()
    damaged = {
        "empty": b"",
        "text": b"version https://git-lfs.github.com/spec/v1\n",
        "cut": whole[: len(whole) // 2],
        "zeros": whole[:64] + bytes(len(whole) - 64),
    }
    file.write_bytes(damaged[damage])
    with mock_hip.device("gfx1100", folder=folder) as gpu:
        _message(runtime.CorruptCodeObject, str(file))
    assert gpu.loaded == []


@pytest.mark.parametrize("code", [200, 209])
def test_the_driver_refuses_the_object(gpu: mock_hip.Gpu, code: int) -> None:
    gpu.fail("hipModuleLoadData", code)
    _message(runtime.CorruptCodeObject, "probe.hsaco", "refuses it for gfx1100", f"({code})")


def test_out_of_memory_while_loading(gpu: mock_hip.Gpu) -> None:
    gpu.fail("hipModuleLoadData", 2)
    _message(runtime.GpuError, "loading", "probe.hsaco", "out of memory (2)")
    gpu.fail("hipModuleLoadData", 0)
    _launch()  # what failed is not remembered
    assert len(gpu.launches) == 1


def test_a_kernel_that_the_object_lacks(gpu: mock_hip.Gpu) -> None:
    with pytest.raises(runtime.CorruptCodeObject, match=r"has no kernel probe_x.*not found"):
        runtime.kernel("probe", "probe_x", "p").load()


def test_a_signature_that_the_object_contradicts(gpu: mock_hip.Gpu) -> None:
    with pytest.raises(runtime.CorruptCodeObject, match=r"\[8, 8, 4, 4, 4\] bytes.*\[8, 8, 8\]"):
        runtime.kernel("probe", "probe_axpb", "ppl").load()


def test_a_failed_launch(gpu: mock_hip.Gpu) -> None:
    _launch()
    gpu.fail("hipModuleLaunchKernel", 719)
    _message(runtime.LaunchFailed, "probe_axpb [(1, 1, 1) blocks of (64, 1, 1) threads",
             "unspecified launch failure (719)", "earlier kernel")  # fmt: skip


def test_what_goes_wrong_in_the_kernel_is_in_the_message(probes: Path) -> None:
    def run(_: mock_hip.Launch) -> None:
        raise IndexError("wave 3 reads past the end")

    with mock_hip.device("gfx1100", folder=probes, run=run) as gpu:
        _message(runtime.LaunchFailed, "wave 3 reads past the end")
    assert isinstance(gpu.error, IndexError)


def test_the_variable_names_the_folder(
    probes: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GFX_KERNELS_CODE", str(probes))
    assert objects.find("probe", "gfx1100", ".hsaco").is_relative_to(probes)
    monkeypatch.delenv("GFX_KERNELS_CODE")
    assert objects.folder() != probes
