"""Without gcc and clang, conda's zig compiles what Triton needs on a GPU under Linux."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import rattler

from tools import paths, solve

SOURCE = """
#include <Python.h>
#include <dlfcn.h>
static struct PyModuleDef of = {PyModuleDef_HEAD_INIT, "helper", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_helper(void) {
    PyObject *made = PyModule_Create(&of);
    PyModule_AddIntConstant(made, "opens", dlopen(NULL, RTLD_NOW) != NULL);
    return made;
}
"""
CODE = """
import sys
from vllm_gfx.engine import triton_helper
from vllm_gfx.machine import compilers
assert compilers.any_at_all() == [f"{sys.prefix}/bin/zig", "cc"], compilers.any_at_all()
if folder := sys.argv[1]:
    triton_helper.build("helper", f"{folder}/helper.c", folder, [], [], [])
    sys.path.insert(0, folder)
    import helper
    print(helper.opens)
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a user's prefix has of it: a Python, and `zig` as a package of its own."""
    where = tmp_path_factory.mktemp("prefix") / "env"
    records = solve.records(["python", "zig"], channels=[paths.STANDIN.as_uri()])
    asyncio.run(rattler.install(records, target_prefix=where, show_progress=False))
    yield where
    shutil.rmtree(where)  # 20,000 files, and pytest keeps the folders of three runs


def _run(prefix: Path, path: str, folder: str = "") -> str:
    environment = {"PATH": path, "PYTHONPATH": str(paths.ROOT / "shims" / "src")}
    command = [str(prefix / "bin" / "python"), "-c", CODE, folder]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert not done.returncode, done.stderr[-2000:]
    return done.stdout


def test_a_prefix_that_is_not_activated_has_it_too(prefix: Path) -> None:
    assert _run(prefix, "") == ""


def test_it_compiles_a_module_that_loads(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "helper.c").write_text(SOURCE)
    assert _run(prefix, str(prefix / "bin"), str(tmp_path)) == "1\n"
