"""Which C compiler is taken, and that Triton's hook builds with one, or refuses in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from vllm_gfx.engine import triton_helper
from vllm_gfx.machine import compilers
from vllm_gfx.refusal import Refusal

from tests.support import fresh

MODULE = """
#include <Python.h>
static struct PyModuleDef of = {PyModuleDef_HEAD_INIT, "helper", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_helper(void) {
    PyObject *made = PyModule_Create(&of);
    PyModule_AddIntConstant(made, "answer", ANSWER);
    return made;
}
"""
BESIDE_PYTHON = str(Path(sys.executable).with_name("zig"))
NOTHING: dict[str, Any] = {"variables": {}, "which": lambda _: None, "find": lambda _: None}


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ({"variables": {"CC": "mycc"}, "which": {"gcc": "/g"}}, ["mycc"]),
        ({"which": {"gcc": "/g", "clang": "/c", "zig": "/z"}}, ["/g"]),
        ({"which": {"clang": "/c", "zig": "/z"}}, ["/c"]),
        ({"which": {"zig": "/z"}, "find": {"ziglang": 1}}, ["/z", "cc"]),
        ({"which": {BESIDE_PYTHON: "/p/zig"}, "find": {"ziglang": 1}}, ["/p/zig", "cc"]),
        ({"find": {"ziglang": 1}}, [sys.executable, "-m", "ziglang", "cc"]),
        ({}, []),
    ],
)
def test_what_is_taken(there: dict[str, dict[str, Any]], found: list[str]) -> None:
    asked = {k: v if k == "variables" else v.get for k, v in there.items()}
    assert compilers.any_at_all(**{**NOTHING, **asked}) == found


def test_triton_itself_knows_no_zig() -> None:
    assert compilers.of_triton({}, {"zig": "/z"}.get) == []


def _as_cc(folder: Path, text: str) -> str:
    """A program that stands for a compiler."""
    path = folder / "a cc"
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return str(path)


def test_a_module_is_compiled_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By this machine's compiler; where it has none, there is nothing to compile a module with."""
    command = compilers.any_at_all()
    if not command:
        pytest.skip("no C compiler here")
    monkeypatch.setattr(compilers, "any_at_all", lambda: command)
    (tmp_path / "answer").mkdir()
    (tmp_path / "answer" / "answer.h").write_text("#define ANSWER 42\n")
    source = tmp_path / "helper.c"
    source.write_text(f'#include "answer.h"\n{MODULE}')
    folders = [str(tmp_path / "answer")]
    made = triton_helper.build("helper", str(source), str(tmp_path), [], folders, [])
    assert Path(made).parent == tmp_path
    command = [sys.executable, "-c", "import helper; print(helper.answer)"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "42\n", done.stderr


def test_the_compiler_is_asked_as_triton_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "note"
    cc = _as_cc(tmp_path, f"import sys; open({str(note)!r}, 'w').write('\\n'.join(sys.argv[1:]))")
    monkeypatch.setattr(compilers, "any_at_all", lambda: [cc])
    triton_helper.build("h", "h.c", str(tmp_path), ["/lib"], ["/inc"], ["m", "libcuda.so.1", "x.a"])
    said = note.read_text().splitlines()
    assert said[:4] == ["h.c", "-O3", "-shared", "-fPIC"]
    assert {"-I/inc", "-L/lib", "-lm", "-l:libcuda.so.1", "-l:x.a", f"-I{tmp_path}"} <= set(said)


@pytest.mark.parametrize("text", ["", "import sys; sys.exit('h.c:1: it is wrong')"])
def test_no_compiler_and_a_failing_one_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(compilers, "any_at_all", lambda: [_as_cc(tmp_path, text)] if text else [])
    with pytest.raises(Refusal) as refused:
        triton_helper.build("h", "h.c", str(tmp_path), [], [], [])
    said = str(refused.value)
    assert "\n" not in said and said.endswith(compilers.REMEDY)
    assert ("there is no C compiler" in said) != ("it is wrong" in said)


def through_triton() -> None:
    """Triton's own function for this, on a machine where it finds nothing by itself."""
    os.environ.pop("CC", None)
    before, os.environ["PATH"] = os.environ["PATH"], ""
    assert triton_helper.needed()
    triton_helper.install()
    os.environ["PATH"] = before
    from triton import knobs
    from triton.runtime import build

    assert knobs.build.impl is triton_helper.build
    source = MODULE.replace("ANSWER", "7")
    try:
        made = build.compile_module_from_src(source, "helper")
    except Refusal as refused:
        assert not compilers.any_at_all(), refused
        return
    assert made.answer == 7


def test_triton_calls_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    fresh.run(through_triton)


def test_still_needed() -> None:
    """When this fails, look whether Triton still compiles: delete the shim if it does not."""
    spec = find_spec("triton")
    assert spec and spec.origin
    folder = Path(spec.origin).parent
    driver = (folder / "backends" / "amd" / "driver.py").read_text("utf-8")
    assert "compile_module_from_src" in driver
    assert "knobs.build.impl" in (folder / "runtime" / "build.py").read_text("utf-8")
