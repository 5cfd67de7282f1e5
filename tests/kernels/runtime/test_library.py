"""The runtime that is used is the one that this process has loaded, under any of its names."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest
from gfx_kernels.runtime import hip, library

from tests.mock_hip import library as mock

# In a process of its own, since a library that is loaded stays loaded; and without torch, which
# takes seconds to import, so the package's `__init__` is left out.
_FIND = """
import ctypes, sys, types
package = types.ModuleType("gfx_kernels.runtime")
package.__path__ = [sys.argv[1]]
sys.modules["gfx_kernels.runtime"] = package
from gfx_kernels.runtime import library
if sys.argv[3:]:
    ctypes.CDLL(sys.argv[3])
print(library.find(sys.argv[2].split(","))._name)
"""


def _find(names: str, *load: str) -> str:
    package = str(Path(library.__file__).parent)
    command = [sys.executable, "-c", _FIND, package, names, *load]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.skipif(sys.platform == "win32", reason="DLLs have no versions after the suffix")
@pytest.mark.parametrize(
    "file", ["libamdhip64.so.7", "libamdhip64.so.7.1.25424", "libamdhip64-1a2b3c4d.so.7.1"]
)
def test_a_loaded_copy_is_found_by_what_wheels_call_it(tmp_path: Path, file: str) -> None:
    copy = tmp_path / file
    copy.write_bytes(mock.build().read_bytes())
    assert _find(",".join(hip.Hip.NAMES), str(copy)) == str(copy)


def test_a_loaded_copy_comes_before_a_better_name(tmp_path: Path) -> None:
    """A newer runtime on the system must not be opened beside the one that torch uses."""
    newer, older = (tmp_path / name for name in hip.Hip.NAMES[:2])
    for file in (older, newer):
        file.write_bytes(mock.build().read_bytes())
    assert Path(_find(f"{newer},{older.name}", str(older))).name == older.name


def test_what_is_not_loaded_is_searched(tmp_path: Path) -> None:
    file = tmp_path / mock.FILE
    file.write_bytes(mock.build().read_bytes())
    assert _find(str(file)) == str(file)


def test_it_is_the_same_library_not_a_second_copy() -> None:
    loaded = mock.load()
    found = library.find((mock.FILE,))
    address = ctypes.cast(found.hipInit, ctypes.c_void_p).value
    assert address == ctypes.cast(loaded.hipInit, ctypes.c_void_p).value
