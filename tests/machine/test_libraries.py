"""Which copies are loaded: from a faked /proc/self/maps, a faked Windows, and this process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from vllm_gfx.machine import libraries

MAPS = """\
55d0-55d1 r-xp 00000000 08:01 1  /usr/bin/python3.12
7f00-7f01 r-xp 00000000 08:01 2  /env/lib/_rocm_sdk_core/lib/libamdhip64.so.7
7f02-7f03 r--p 00000000 08:01 2  /env/lib/_rocm_sdk_core/lib/libamdhip64.so.7
7f04-7f05 r-xp 00000000 08:01 3  /opt/rocm 6/lib/libamdhip64.so.6.4.1 (deleted)
7f06-7f07 r-xp 00000000 08:01 4  /env/lib/libhiprtc-builtins.so.7
7f08-7f09 rw-p 00000000 00:00 0
7f0a-7f0b rw-p 00000000 00:00 0  [heap]
"""


def test_a_list_of_maps(tmp_path: Path) -> None:
    file = tmp_path / "maps"
    file.write_text(MAPS)
    found = libraries.loaded(file)
    assert found == [
        "/env/lib/_rocm_sdk_core/lib/libamdhip64.so.7",
        "/env/lib/libhiprtc-builtins.so.7",
        "/opt/rocm 6/lib/libamdhip64.so.6.4.1",
    ]
    assert libraries.duplicates(found) == {"amdhip64": [found[0], found[2]]}
    assert libraries.watched(found)["hiprtc-builtins"] == [found[1]]


@pytest.mark.parametrize(
    ("file", "known"),
    [
        ("libamdhip64.so", "amdhip64"),
        ("libamdhip64.so.7.2.53211", "amdhip64"),
        ("libamdhip64-0f1e2d3c.so.7", "amdhip64"),  # as wheels rename what they bundle
        (r"C:\Windows\System32\amdhip64_7.dll", "amdhip64"),
        (r"C:\env\Lib\site-packages\_rocm_sdk_core\bin\AMDHIP64_7.DLL", "amdhip64"),
        (r"D:\x\hiprtc0714.dll", "hiprtc"),
        ("hiprtc-builtins0714.dll", "hiprtc-builtins"),
        ("libcudart.so.13", "cudart"),
        ("libhipblaslt.so.1", "hipblaslt"),
        ("libtorch_cpu.so", "torch_cpu"),
        ("libtorch.so", None),
        ("libc10_hip.so", None),
        ("libc.so.6", None),
        ("amdhip64.txt", None),
    ],
)
def test_families(file: str, known: str | None) -> None:
    assert libraries.family(file) == known


def test_a_long_name_is_told_at_once() -> None:
    """In a process of its own: a search that goes on for hours cannot be interrupted."""
    code = "from vllm_gfx.machine import libraries as l; l.family('libc10' + 'a-1' * 60 + '.txt')"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)


def test_a_link_and_its_file_are_one(tmp_path: Path) -> None:
    real = tmp_path / "libamdhip64.so.7.2"
    real.write_text("")
    (tmp_path / "libamdhip64.so.7").symlink_to(real)
    both = [str(real), str(tmp_path / "libamdhip64.so.7")]
    assert libraries.duplicates(both) == {}


def test_windows_asks_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = (r"C:\Windows\System32\amdhip64_7.dll", r"C:\env\amdhip64_7.dll", r"C:\env\a.pyd")
    mapped = [SimpleNamespace(path=path) for path in paths]
    fake = SimpleNamespace(Process=lambda: SimpleNamespace(memory_maps=lambda: mapped))
    monkeypatch.setitem(sys.modules, "psutil", fake)
    monkeypatch.setattr("sys.platform", "win32")
    found = libraries.loaded()
    assert len(found) == 2 and len(libraries.duplicates(found)["amdhip64"]) == 2


def test_this_process_as_psutil_sees_it() -> None:
    import psutil
    import torch

    found = libraries.loaded()
    assert any(path.startswith(str(Path(torch.__file__).parent)) for path in found)
    assert libraries.watched(found)["torch_cpu"]
    mapped = {entry.path for entry in psutil.Process().memory_maps()}
    assert set(found) <= mapped
