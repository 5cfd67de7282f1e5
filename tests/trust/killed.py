"""Run by test_killed.py: installs a bundle over an old one, killed at one step after the other.

A step is whatever Python is about to change below the checkout: a rename, a removal, a link, or a
file opened for writing: once before that, and once when it is there and empty. After each the
state on disk is checked as a new process would find it. Prints one JSON object.

It forks, so nothing here may start py-rattler's threads before that.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.tools.conftest import point_to
from tests.trust.conftest import runs, says
from tools import bundle, generations, paths, prefix, standin, trial
from tools.leave import leave
from tools.trust import verify

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate"}


def below(root: Path, arguments: tuple[Any, ...]) -> bool:
    return any(str(a).startswith(str(root)) for a in arguments if isinstance(a, str | os.PathLike))


class Killer:
    """An audit hook that kills this process at its change number `step` below `root`."""

    def __init__(self, step: int, root: Path) -> None:
        self.left, self.root = step, root

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES
        writes = writes and below(self.root, arguments)
        # removing a tree works on descriptors, so its names are not below anything
        if writes or event in CHANGES:
            self.count()
        if writes:
            self.count(lambda: Path(arguments[0]).write_bytes(b""))

    def count(self, before: Callable[[], object] = lambda: None) -> None:
        self.left -= 1
        if self.left == 0:
            before()
            os.kill(os.getpid(), signal.SIGKILL)


def kill_inside_installer() -> None:
    """py-rattler's own work is one step to Python: kill when half of the files are there."""
    whole = prefix._install

    def half(where: Path, *rest: Any) -> None:
        whole(where, *rest)
        for file in sorted(p for p in where.rglob("*") if p.is_file())[::2]:
            file.unlink()
        os.kill(os.getpid(), signal.SIGKILL)

    prefix._install = half  # type: ignore[assignment]


def forked(work: Callable[[], object]) -> int:
    """`work()` in a process of its own; its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - reported, and this process must not go on
            traceback.print_exc()
            leave(1)
        leave(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def check(env: Path) -> str:
    """What the program in use says; asserts that it is whole, by its name and by the link."""
    where = generations.active("cpu")
    assert verify.verify(where).lines() == [], verify.verify(where).lines()
    assert (where / prefix.LIST).is_file()
    assert says(env / "cpu") in ("one", "two")
    return says(where)


def main(root: Path, one: Path, two: Path) -> None:
    patch = pytest.MonkeyPatch()
    point_to(root, patch)
    os.environ["RATTLER_CACHE_DIR"] = str(root / "rattler-cache")
    patch.setattr(standin, "ensure", lambda *_: None)
    patch.setattr(trial, "generates", runs)
    env, kept = paths.BUILD / "env", root.with_name("kept")
    assert forked(lambda: bundle.install(one, None)) == 0
    shutil.copytree(paths.BUILD, kept, symlinks=True)
    said: dict[str, list[str]] = {"killed": [], "again": [], "back": []}

    def attempt(arm: Callable[[], None]) -> int:
        shutil.rmtree(paths.BUILD)
        shutil.copytree(kept, paths.BUILD, symlinks=True)

        def work() -> None:
            arm()
            bundle.install(two, None)

        code = forked(work)
        said["killed"].append(check(env))
        assert forked(lambda: bundle.install(two, None)) == 0
        said["again"].append(check(env))
        assert {p.name for p in env.iterdir()} >= {"cpu", "cpu.json"}
        assert not list(env.glob("*.new")) and not (paths.WORK / "bundle").exists()
        said["back"].append(says(generations.rollback("cpu")))
        return code

    assert attempt(kill_inside_installer) == -signal.SIGKILL
    step = 0
    code = -signal.SIGKILL
    while code == -signal.SIGKILL:
        step += 1
        code = attempt(partial(sys.addaudithook, Killer(step, root)))
    assert code == 0, code
    print(json.dumps({"steps": step - 1, **said}))
    leave(0)


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
