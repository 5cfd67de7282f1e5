"""Triton for Windows compiles our Triton kernel for gfx1100, and the machine code is right.

The wheel needs no GPU for that. It is the one that recipes/triton-windows repacks.
"""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import zig
from tests.windows import programs
from tools import paths, prefix
from tools.generations import active
from tools.standin import pip, platforms
from tools.variants import REFERENCE
from tools.windows import rig, run, wine

TARGET = "gfx1100"
SECONDS = 120
PINS = paths.ROOT / "pins.yaml"
ROCM = paths.ROOT / "recipes" / "rocm.yaml"
PROGRAM = Path(programs.__file__).with_name("triton_aot.py")


def _pin() -> pip.Pin:
    """Of the wheel for the rig's Python, from the tables that the recipe is built from."""
    (version,) = yaml.safe_load(PINS.read_text(encoding="utf-8"))["triton_windows"]
    tag = "cp" + "".join(rig.python().split(".")[:2])
    name = f"triton_windows-{version}-{tag}-{tag}-win_amd64.whl"
    row = yaml.safe_load(ROCM.read_text(encoding="utf-8"))["wheels"][name]
    return pip.Pin("triton-windows", version, row["sha256"])


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to put on the path; the prefix of the cpu target has no Triton for Windows."""
    pin = _pin()
    wheel = pip.fetch([pin], platforms.get(rig.PLATFORM), print)[pin.sha256]
    folder = tmp_path_factory.mktemp("triton")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@dataclass
class Compiled:
    folder: Path  # code and assembly of each kernel
    said: dict[str, Any]


@pytest.fixture(scope="module")
def compiled(triton: Path, tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """By Windows Python."""
    folder, cache = (tmp_path_factory.mktemp(name) for name in ("compiled", "cache"))
    where = wine.windows_path
    said = programs.output(
        "triton_aot", "compile", TARGET, where(folder),
        PYTHONPATH=where(triton), TRITON_CACHE_DIR=where(cache),
    )  # fmt: skip
    return Compiled(folder, dict(said))


def test_the_code_objects_are_for_the_target(compiled: Compiled) -> None:
    assert compiled.said["platform"] == "win32"
    assert {compiled.said[name]["gfx"] for name in ("gemm", "rows")} == {TARGET}
    assert compiled.said["gemm"]["kernels"] == ["_gemm"]


def test_they_are_what_triton_on_linux_makes(compiled: Compiled, tmp_path: Path) -> None:
    """Every byte of the instructions, by the Triton that our cpu packages bring on Linux."""
    command = [
        str(prefix.python_of(active(REFERENCE))),
        str(PROGRAM),
        "compile",
        TARGET,
        str(tmp_path),
    ]
    env = {**os.environ, "TRITON_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    linux = json.loads(done.stdout.splitlines()[-1])
    for name in ("gemm", "rows"):
        assert compiled.said[name]["text"] == linux[name]["text"], name


def test_the_machine_code_does_what_the_kernel_says(compiled: Compiled, tmp_path: Path) -> None:
    """Assembled once more, for the listing: LLVM's versions differ in bits that nothing reads."""
    source, listing = compiled.folder / "rows.s", tmp_path / "rows.lst"
    zig.run("clang", "-cc1as", "-triple", "amdgcn-amd-amdhsa", "-target-cpu", TARGET, "-filetype",
            "asm", "-show-encoding", "-o", str(listing), str(source))  # fmt: skip
    zig.run("clang", "-x", "assembler", "--target=amdgcn-amd-amdhsa", f"-mcpu={TARGET}", "-c",
            "-o", str(tmp_path / "rows.o"), str(source))  # fmt: skip
    zig.run("ld.lld", "-m", "elf64_amdgpu", "--no-undefined", "-shared", "-s",
            "-o", str(tmp_path / "rows.hsaco"), str(tmp_path / "rows.o"))  # fmt: skip
    shared = str(compiled.said["rows"]["shared"])
    said = programs.output("triton_aot", "run", TARGET, wine.windows_path(tmp_path), shared)
    assert said == {"platform": "win32", "waves": 12, "wrong": 0}


@pytest.mark.parametrize(("folder", "code"), [("a plain one", 0), ("中ж", 1)])
def test_its_c_compiler_knows_the_systems_letters_only(
    triton: Path, tmp_path: Path, folder: str, code: int
) -> None:
    """The expiry test of early/ascii_folders, beside its needed()."""
    source = tmp_path / folder / "a.c"
    source.parent.mkdir()
    source.write_text("int answer(void) { return 42; }\n", encoding="utf-8")
    program = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
    tcc, file = (wine.windows_path(p) for p in (triton / "triton/runtime/tcc/tcc.exe", source))
    done = run.run(["-c", program, tcc, "-c", file, "-o", f"{file}.o"], timeout=60)
    assert done.returncode == code, "ascii_folders can go" if code else done.stdout
