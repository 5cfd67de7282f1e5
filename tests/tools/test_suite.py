"""`test` itself: where tests run, what is counted, and that a failure is never swallowed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import halves, memory, paths, prefix, suite
from tools.errors import ToolError
from tools.windows import wine


@pytest.fixture
def tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two folders of tests, a prefix that is this Python, no lint."""
    folder = tmp_path / "tests"
    for name in ("tools", "serve"):
        (folder / name).mkdir(parents=True)
        (folder / name / "test_it.py").write_text("def test_a(): pass\ndef test_b(): pass\n")
    monkeypatch.setenv("PYTHONPATH", str(paths.ROOT))  # for the plug-in tools.leave
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    monkeypatch.setattr(halves, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr(suite, "install", lambda target: tmp_path / "prefix")
    monkeypatch.setattr(suite, "build", lambda platform: None)
    monkeypatch.setattr(suite, "lint", lambda: None)
    monkeypatch.setattr(suite, "kernels", lambda: None)
    monkeypatch.setattr(wine, "PROGRAM", tmp_path / "no wine")
    monkeypatch.setattr(prefix, "python_of", lambda where: Path(sys.executable))
    monkeypatch.chdir(tmp_path)
    return folder


def test_every_folder_is_run_and_summed(tests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite.test([])
    assert capsys.readouterr().out.splitlines()[-1] == "4 passed, 0 failed, 0 skipped"


@pytest.mark.parametrize("half", ["tools", "serve"])
@pytest.mark.parametrize("broken", ["def test_c(): assert False", "import nothing_like_this", "("])
def test_a_failure_in_either_half_fails_the_whole(
    tests: Path, capsys: pytest.CaptureFixture[str], half: str, broken: str
) -> None:
    (tests / half / "test_more.py").write_text(broken)
    with pytest.raises(ToolError, match="failed"):
        suite.test([])
    assert capsys.readouterr().out.splitlines()[-1].endswith(" 1 failed, 0 skipped")


@pytest.mark.parametrize("end", ["import os; os._exit(0)", "import pytest; pytest.exit('stop')"])
def test_an_early_end_is_a_failure(tests: Path, end: str) -> None:
    (tests / "serve" / "test_more.py").write_text(f"def test_c():\n    {end}\n")
    with pytest.raises(ToolError, match="1 failed"):
        suite.test([])


def test_lint_is_a_failure(tests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> None:
        raise ToolError("ruff found problems")

    monkeypatch.setattr(suite, "lint", found)
    with pytest.raises(ToolError, match="1 failed"):
        suite.test([])


def test_chosen_tests_run_alone(tests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite.test(["tests/serve/test_it.py::test_a", "-q"])
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 0 failed, 0 skipped"


def test_a_name_that_is_also_a_folder_is_a_name(
    tests: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tests.parent / "tools").mkdir()
    suite.test(["-k", "tools", "-q"])
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 0 failed, 0 skipped"


@pytest.fixture
def windows(tests: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tests of Windows, and a Wine."""
    (tests / "windows").mkdir()
    (tests / "windows" / "test_it.py").write_text("def test_w(): pass\n")
    wine.PROGRAM.write_text("")
    monkeypatch.setattr(suite, "install_for_windows", lambda: None)
    return tests


@pytest.mark.parametrize(("windows_only", "passed"), [(False, 5), (True, 1)])
def test_tests_of_windows(
    windows: Path, capsys: pytest.CaptureFixture[str], windows_only: bool, passed: int
) -> None:
    suite.test([], windows_only)
    assert capsys.readouterr().out.splitlines()[-1] == f"{passed} passed, 0 failed, 0 skipped"


def test_a_rig_that_cannot_be_made_is_one_failure(
    windows: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_wheel() -> None:
        raise ToolError("there is no wheel of python")

    monkeypatch.setattr(suite, "install_for_windows", no_wheel)
    with pytest.raises(ToolError, match="1 failed"):
        suite.test([])
    said = capsys.readouterr().out
    assert "windows did not run: there is no wheel of python" in said
    assert "not run: tests/windows" not in said
    assert said.splitlines()[-1] == "4 passed, 1 failed, 0 skipped"


def test_one_that_hangs_fails_in_every_half(
    windows: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite, "HANGS", ["--timeout=1"])
    for half in ("tools", "serve", suite.UNDER_WINE):
        hangs = "import time\ndef test_c(): time.sleep(60)\n"
        (windows / half / "test_more.py").write_text(hangs)
    with pytest.raises(ToolError, match="3 failed"):
        suite.test([])
    assert capsys.readouterr().out.splitlines()[-1] == "5 passed, 3 failed, 0 skipped"


def test_without_wine_tests_of_windows_are_named(
    windows: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wine.PROGRAM.unlink()
    suite.test([])
    *_, before, last = capsys.readouterr().out.splitlines()
    assert before.startswith("not run: tests/windows")
    assert before.endswith(wine.REMEDY)
    assert last == "4 passed, 0 failed, 0 skipped"


@pytest.mark.parametrize("arguments", [([], True), (["tests/windows"], False)])
def test_tests_of_windows_that_are_asked_for_need_wine(
    windows: Path, arguments: tuple[list[str], bool]
) -> None:
    wine.PROGRAM.unlink()
    with pytest.raises(ToolError, match=r"no wine is not there; on Debian: apt-get install"):
        suite.test(*arguments)


def test_nothing_that_ran_is_a_failure(tests: Path) -> None:
    with pytest.raises(ToolError, match="no test ran"):
        suite.test(["-k", "no_such_test"])


def test_skips_are_counted(tests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    skip = "import pytest\ndef test_c(): pytest.skip('no card')\n"
    (tests / "serve" / "test_more.py").write_text(skip)
    suite.test([])
    assert capsys.readouterr().out.splitlines()[-1] == "4 passed, 0 failed, 1 skipped"


def test_every_folder_of_tests_has_a_place() -> None:
    here, inside = suite.folders()
    assert set(here) == set(suite.HERE)
    assert (paths.ROOT / "tests" / suite.UNDER_WINE).is_dir()
    assert set(inside) == {
        "bench",
        "bench_engine",
        "doctor",
        "emulator",
        "engine",
        "gpu",
        "kernels",
        "machine",
        "preflight",
        "serve",
        "shims",
        "stand_ins",
        "tinylm",
        "vram",
    }


def test_peak_memory_counts_children() -> None:
    code = "block = bytearray(200 << 20); print(flush=True); input()"
    with memory.Peak() as peak:
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert child.stdout and child.stdout.readline()
        alone = memory.tree_bytes(child.pid)
        both = memory.tree_bytes(os.getpid())
        until = time.monotonic() + 30
        while peak.bytes < alone and time.monotonic() < until:
            time.sleep(memory.PERIOD)
        child.communicate(b"\n")
    assert both > alone > 200 << 20
    assert 200 << 20 < peak.bytes <= both * 2


def test_the_compiler_is_lent_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    for _ in range(2):
        lent = suite.lent_compiler()
    held = sorted(path.name.partition("-")[0] for path in Path(lent["PYTHONPATH"]).iterdir())
    assert held == ["ziglang", "ziglang"]
    command = [sys.executable, "-S", "-m", "ziglang", "version"]
    done = subprocess.run(command, env=lent, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("0.")
