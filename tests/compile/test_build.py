"""Objects are made when they have to be, whole, and of the same bytes wherever they are made."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gfx_compile import build, cli, paths, sources, toolchain
from gfx_compile.errors import CompileError
from gfx_kernels import codeobject

from tests.compile.conftest import GFX, Tree

Plant = Callable[[Path], Tree]


def test_an_object_of_the_wanted_kind(tree: Tree) -> None:
    assert tree.build() == 1
    found = codeobject.read(tree.object())
    assert (found.gfx, found.version) == (GFX, 5)
    assert list(found.kernels) == ["toy_copy"]
    assert sorted(f.name for f in tree.object().parent.iterdir()) == [
        "toy.hsaco",
        "toy.json",
        "toy.lst",
    ]


def test_the_listing_is_of_the_objects_code(tree: Tree) -> None:
    tree.build()
    code = codeobject.read(tree.object())
    listing = tree.object().with_suffix(".lst").read_text()
    found = re.findall(r"encoding: \[((?:0x\w\w,?)+)\]", listing)
    encoded = b"".join(bytes(int(b, 16) for b in line.split(",")) for line in found)
    start = code.kernels["toy_copy"].entry
    assert code.text[start : start + len(encoded)] == encoded


def test_nothing_is_made_twice(tree: Tree) -> None:
    assert (tree.build(), tree.build()) == (1, 0)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("source", "63 - i", "62 - i"),
        ("header", "unsigned int", "unsigned"),
        ("budget", "default: 32", "default: 33"),
    ],
)
def test_what_it_is_made_from_makes_it_again(tree: Tree, file: str, old: str, new: str) -> None:
    tree.build()
    tree.edit(getattr(tree, file), old, new)
    assert (tree.build(), tree.build()) == (1, 0)


@pytest.mark.parametrize("change", ["version", "flag"])
def test_another_compiler_or_flag_makes_it_again(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    tree.build()
    known = toolchain.amd()
    flags = tuple("-O2" if flag == "-O3" else flag for flag in known.steps["assembly"])
    others = {
        "version": dataclasses.replace(known, version="0.17.1"),
        "flag": dataclasses.replace(known, steps={**known.steps, "assembly": flags}),
    }
    assert others[change] != known
    monkeypatch.setattr(toolchain, "amd", lambda: others[change])
    assert tree.build() == 1


def test_a_damaged_or_missing_object_is_made_again(tree: Tree) -> None:
    tree.build()
    tree.object().write_bytes(tree.object().read_bytes()[:-1])
    assert tree.build() == 1
    tree.object().unlink()
    assert tree.build() == 1


@pytest.mark.parametrize("text", ["", "{", "{}", "[]"])
def test_a_damaged_report_is_made_again(tree: Tree, text: str) -> None:
    tree.build()
    tree.object().with_suffix(".json").write_text(text)
    assert tree.build() == 1


def test_a_missing_listing_is_made_again(tree: Tree) -> None:
    tree.build()
    tree.object().with_suffix(".lst").unlink()
    assert tree.build() == 1


def test_bytes_do_not_tell_the_folder_or_the_time(plant: Plant, tmp_path: Path) -> None:
    objects = []
    for root in (tmp_path / "a", tmp_path / "another" / "place with a blank"):
        tree = plant(root)
        tree.build(GFX, "gfx906")
        files = sorted(tree.out.glob("*/*"))
        assert len(files) == 6
        objects.append({f.relative_to(tree.out): f.read_bytes() for f in files})
    assert objects[0] == objects[1]


def test_an_op_that_went_takes_its_object_along(tree: Tree) -> None:
    tree.build()
    for file in tree.source.parent.iterdir():
        file.unlink()
    tree.build()
    assert not list(tree.object().parent.iterdir())


def test_an_error_is_one_line_and_leaves_no_object(tree: Tree) -> None:
    tree.build()
    tree.edit(tree.source, "63 - i", "63 - j")
    with pytest.raises(CompileError) as error:
        tree.build()
    assert str(error.value) == (
        f"toy.hip for {GFX}: toy.hip:7: error: use of undeclared identifier 'j'"
    )
    assert not tree.object().exists()


def test_a_warning_is_an_error(tree: Tree) -> None:
    tree.edit(tree.source, "int i =", "int unused; int i =")
    with pytest.raises(CompileError, match=r"toy\.hip:5: error: unused variable"):
        tree.build()


def test_every_failure_is_named(tree: Tree) -> None:
    tree.edit(tree.source, "63 - i", "63 - j")
    with pytest.raises(CompileError) as error:
        tree.build(GFX, "gfx906")
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == [
        f"toy.hip for {GFX}",
        "toy.hip for gfx906",
    ]


def test_a_header_that_is_not_there_is_named(tree: Tree) -> None:
    tree.edit(tree.source, "toy.h", "joy.h")
    with pytest.raises(CompileError, match=r"toy\.hip:1: fatal error: 'joy\.h' file not found"):
        tree.build()
    tree.edit(tree.source, "joy.h", "toy.h")
    tree.build()
    tree.header.unlink()
    with pytest.raises(CompileError, match=r"toy\.hip:1: fatal error: 'toy\.h' file not found"):
        tree.build()


def test_a_misplaced_source_is_named(tree: Tree) -> None:
    tree.source.rename(tree.source.with_name("other.hip"))
    with pytest.raises(CompileError, match=r"other\.hip lies in toy/"):
        tree.build()


@pytest.mark.parametrize("name", ["gfx1", "cpu", "sm_1"])
def test_an_unknown_target_names_the_known_ones(tree: Tree, name: str) -> None:
    with pytest.raises(CompileError, match=f"nothing to compile for '{name}'; known: gfx1030, "):
        tree.build(name)


def _program(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `zig` on PATH, where the Python package is not installed."""
    path = folder / "zig"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    return path


def test_a_program_on_path_serves_where_pip_installed_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = toolchain.amd()
    path = _program(tmp_path, f"echo {wanted.version}", monkeypatch)
    found = toolchain.amd.__wrapped__()
    assert found.binary == str(path) and found.digest == wanted.digest


@pytest.mark.parametrize(
    ("text", "is_"),
    [("echo 0.16.0", "0.16.0"), ("exit 1", "broken"), (None, "not installed")],
)
def test_another_zig_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, is_: str
) -> None:
    path = _program(tmp_path, text or "", monkeypatch)
    if text is None:
        path.unlink()
    with pytest.raises(CompileError, match=rf"ziglang is {is_}, not .*; run: pip install"):
        toolchain.amd.__wrapped__()


def test_what_pip_installed_comes_before_a_program_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, real = toolchain.amd(), importlib.util.find_spec
    _program(tmp_path, "echo 0.16.0", monkeypatch)
    monkeypatch.setattr("importlib.util.find_spec", real)
    assert toolchain.amd.__wrapped__() == wanted


def test_nvidia_is_left_out_where_there_is_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "nvidia", lambda: None)
    assert build.default_targets() == build.amd_targets()
    with pytest.raises(CompileError, match="nvcc is not on PATH"):
        build.jobs(toolchain.architectures(), Path("nowhere"))


def test_a_cubin_where_there_is_one(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in nvcc's place: what it is called with, and what becomes of what it writes."""
    fake = tmp_path / "nvcc"
    fake.write_text(
        f"#!{sys.executable}\nimport sys\nfrom pathlib import Path\n"
        "if '--version' in sys.argv: print('release 1')\n"
        "else: Path(sys.argv[sys.argv.index('-o') + 1]).write_text(' '.join(sys.argv[1:]))\n"
    )
    fake.chmod(0o755)
    monkeypatch.setattr(toolchain, "nvidia", toolchain.nvidia.__wrapped__)
    monkeypatch.setenv("PATH", str(tmp_path))
    (name,) = toolchain.architectures()
    assert (tree.build(name), tree.build(name)) == (1, 0)
    assert f"-arch={name}" in (tree.out / name / "toy.cubin").read_text()
    assert "kernels" not in json.loads((tree.out / name / "toy.json").read_text())


def test_the_command_line_fails_in_one_line(tree: Tree) -> None:
    with pytest.raises(SystemExit, match=r"^error: nothing to compile for 'x'"):
        cli.main(["build", "--target", "x"])


def test_two_builds_at_a_time_do_not_meet(tree: Tree) -> None:
    code = (
        "from pathlib import Path\n"
        "from gfx_compile import build, paths\n"
        f"paths.OPS = Path({str(tree.ops)!r}); paths.INCLUDE = paths.OPS / 'include'\n"
        f"build.build(['gfx1030', 'gfx1100', 'gfx906', 'gfx942'], Path({str(tree.out)!r}))"
    )
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, cwd=paths.SOURCES, stderr=pipe, text=True) for _ in range(2)]
    assert [process.communicate()[1] for process in both] == ["", ""]
    assert len(list(tree.out.glob("*/*"))) == 12 and not list(tree.out.glob("*.part"))
    assert tree.build("gfx1030", "gfx1100", "gfx906", "gfx942") == 0


def test_a_folder_that_cannot_be_written_is_one_line(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match=r"^error: .*Not a directory|^error: .*File exists"):
        cli.main(["build", "--target", GFX, "--out", str(tmp_path / "file")])


def test_the_module_explains_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gfx_compile", "--help"],
        cwd=paths.SOURCES,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and "golden" in done.stdout


def test_every_source_of_the_library_is_found() -> None:
    assert {"rms_norm", "silu_and_mul"} <= set(sources.all_sources())
