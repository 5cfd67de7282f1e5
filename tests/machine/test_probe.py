"""torch is asked in another process, however that process ends."""

from __future__ import annotations

import json
import signal
import sys
from types import SimpleNamespace

import pytest
import torch
from gfx_kernels.runtime import library
from vllm_gfx.machine import libraries, probe, runtime, torch_view
from vllm_gfx.machine.torch_view import Device, TorchView

from tests.support.machines import ROCM_TORCH, FakeTorch

GIB = 2**30
CARD = {
    "name": "Radeon RX 7900 XTX",
    "gcnArchName": "gfx1100",
    "total_memory": 24 * GIB,
    "is_integrated": 0,
    "pci_domain_id": 0,
    "pci_bus_id": 3,
    "pci_device_id": 0,
}


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_this_machine() -> None:
    found = probe.ask()
    assert found.torch == TorchView(torch.__version__)
    assert found.torch.build == "the CPU build" and found.runtime == {}
    assert any("libtorch_cpu" in path for path in found.libraries)
    assert libraries.duplicates(found.libraries) == {}


def test_what_a_library_prints_is_not_the_answer() -> None:
    view = {"version": "2", "hip": "7", "devices": [{"index": 0, "name": "a"}]}
    answer = json.dumps({"torch": view, "runtime": {"a": "b"}, "libraries": ["/c.so"]})
    code = f"print('warning: {{}}'); print('vllm-gfx probe: ' + {answer!r}); print('bye')"
    found = probe.ask(python(code))
    assert found == probe.Answer(
        TorchView("2", "7", devices=(Device(0, "a"),)), {"a": "b"}, ["/c.so"]
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import no_such_module", "failed: ModuleNotFoundError: No module named 'no_such_module'"),
        ("import os; os.kill(os.getpid(), 11)", f"was ended by signal {int(signal.SIGSEGV)}"),
        ("raise SystemExit(1)", "failed: it said nothing"),
    ],
)
def test_an_end_without_an_answer(code: str, words: str) -> None:
    with pytest.raises(probe.ProbeFailed) as failed:
        probe.ask(python(code))
    assert words in str(failed.value) and "\n" not in str(failed.value)


def test_bytes_that_are_no_text() -> None:
    code = r"import sys; sys.stderr.buffer.write(b'caf\xe9 \xff'); sys.exit(1)"
    with pytest.raises(probe.ProbeFailed, match="failed: caf"):
        probe.ask(python(code))


def test_a_driver_that_hangs() -> None:
    with pytest.raises(probe.ProbeFailed, match=r"did not answer within 0\.3 s"):
        probe.ask(python("import time; time.sleep(60)"), seconds=0.3)


def test_a_card_as_torch_sees_it() -> None:
    found = torch_view.look(FakeTorch(devices=[CARD]), free=True)
    assert found == TorchView(
        ROCM_TORCH,
        hip="7.15.26333",
        devices=(
            Device(0, CARD["name"], "gfx1100", 24 * GIB, 12 * GIB, False, "0000:03:00.0"),  # type: ignore[arg-type]
        ),
    )
    assert found.build == "the ROCm build"
    assert torch_view.look(FakeTorch(devices=[CARD])).devices[0].free is None


def test_a_card_too_full_to_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking takes memory itself; the card is listed all the same."""

    def full(index: int) -> tuple[int, int]:
        raise RuntimeError("HIP out of memory")

    fake = FakeTorch(devices=[CARD])
    monkeypatch.setattr(fake.cuda, "mem_get_info", full)
    (device,) = torch_view.look(fake, free=True).devices
    assert (device.gfx, device.total, device.free) == ("gfx1100", 24 * GIB, None)


def test_why_torch_sees_none() -> None:
    assert torch_view.look(FakeTorch(error="two\n lines")).error == "two lines"
    assert torch_view.look(FakeTorch(version="2.13.0+cpu", hip=None)).error == ""


class FakeHip:
    """A HIP library of version 7.15.26333 whose hipInit answers `code`."""

    def __init__(self, code: int) -> None:
        self.hipInit = lambda flags: code
        self.hipGetErrorString = _Text()

    def hipRuntimeGetVersion(self, value: object) -> int:
        value._obj.value = 71526333  # type: ignore[attr-defined]
        return 0

    def hipDriverGetVersion(self, value: object) -> int:
        return 35


class _Text(SimpleNamespace):
    def __call__(self, code: int) -> bytes:
        return b"hipErrorInsufficientDriver" if code == 35 else b"hipSuccess"


def test_the_runtime_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "find", lambda names: FakeHip(0))
    assert runtime.hip() == {
        "HIP runtime": "7.15.26333",
        "HIP driver": "error 35",
        "hipInit": "0",
    }
    monkeypatch.setattr(library, "find", lambda names: FakeHip(35))
    assert runtime.hip()["hipInit"] == "hipErrorInsufficientDriver (35)"


def test_no_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gfx_kernels.runtime.hip.Hip.NAMES", ("libnone.so.7",))
    assert "libnone.so.7 is loaded or found" in runtime.hip()["HIP runtime"]
