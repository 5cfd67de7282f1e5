"""Without gcc and clang, zig compiles what Triton needs on a GPU under Linux."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools import paths

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
assert compilers.any_at_all() == [sys.executable, "-m", "ziglang", "cc"]
folder = sys.argv[1]
triton_helper.build("helper", f"{folder}/helper.c", folder, [], [], [])
sys.path.insert(0, folder)
import helper
print(helper.opens)
"""


def test_zig_compiles_a_module_that_loads(tmp_path: Path) -> None:
    (tmp_path / "helper.c").write_text(SOURCE)
    env = {k: v for k, v in os.environ.items() if k != "CC"}
    env |= {"PATH": "", "PYTHONPATH": str(paths.ROOT / "shims" / "src")}
    command = [sys.executable, "-c", CODE, str(tmp_path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr[-2000:]
