"""The download cache: nothing wrong, half written or fetched twice."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import cache, paths
from tools.errors import ToolError

CONTENTS = b"wheel" * 1000
DIGEST = hashlib.sha256(CONTENTS).hexdigest()


@pytest.fixture
def cached(tmp_path: Path) -> Path:
    return cache.add(downloaded(tmp_path), DIGEST)


def downloaded(folder: Path, contents: bytes = CONTENTS) -> Path:
    file = folder / "some-1.0.whl"
    file.write_bytes(contents)
    return file


def test_a_file_is_found_by_its_digest(cached: Path) -> None:
    assert cache.find(DIGEST, print) == cached
    assert cached.read_bytes() == CONTENTS
    assert cache.find("0" * 64, print) is None


def test_the_wrong_file_is_refused_by_name_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"some-1\.0\.whl has sha256 .*, expected " + DIGEST):
        cache.add(downloaded(tmp_path, CONTENTS[:-1]), DIGEST)
    assert cache.find(DIGEST, print) is None


@pytest.mark.parametrize("damage", [CONTENTS[:100], b"x" + CONTENTS[1:], b""])
def test_a_damaged_file_is_named_and_forgotten(cached: Path, damage: bytes) -> None:
    cached.write_bytes(damage)
    os.utime(cached, (1, 1))
    said: list[str] = []
    assert cache.find(DIGEST, said.append) is None
    assert len(said) == 1
    assert "some-1.0.whl is damaged" in said[0]
    assert not cached.exists()


def test_an_intact_file_is_not_hashed_again(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "sha256_of", lambda file: pytest.fail("hashed again"))
    assert cache.find(DIGEST, print) == cached


def test_a_touched_file_is_hashed_once_and_kept(
    cached: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(cached, (1, 1))
    assert cache.find(DIGEST, print) == cached
    monkeypatch.setattr(cache, "sha256_of", lambda file: pytest.fail("hashed again"))
    assert cache.find(DIGEST, print) == cached


def test_adding_over_a_damaged_file_repairs_it(tmp_path: Path, cached: Path) -> None:
    cached.write_bytes(b"short")
    cache.add(downloaded(tmp_path), DIGEST)
    assert cached.read_bytes() == CONTENTS


def test_two_processes_take_turns(tmp_path: Path) -> None:
    """Each holds the lock while it marks and unmarks a file that the other must not see."""
    program = f"""
import pathlib, sys, time
from tools import cache
mark = pathlib.Path({str(tmp_path / "mark")!r})
for turn in range(20):
    with cache.locked(print):
        mark.touch(exist_ok=False)
        time.sleep(0.005)
        mark.unlink()
"""
    both = [subprocess.Popen([sys.executable, "-c", program], cwd=paths.ROOT) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]


def test_who_has_to_wait_says_so() -> None:
    program = """
from tools import cache
with cache.locked(print):
    print("held", flush=True)
    input()
"""
    said: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=paths.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdin is not None and holder.stdout is not None

        def say(line: str) -> None:
            said.append(line)
            print(file=holder.stdin, flush=True)

        assert holder.stdout.readline() == "held\n"
        with cache.locked(say):
            assert said == ["another run is downloading, waiting for it"]


def test_what_a_killed_run_left_is_removed() -> None:
    old, new = cache.root() / "tmp/old", cache.root() / "tmp/new"
    for folder in (old, new):
        folder.mkdir(parents=True)
    long_ago = time.time() - 2 * cache.ABANDONED
    os.utime(old, (long_ago, long_ago))
    with cache.locked(print):
        pass
    assert not old.exists()
    assert new.exists()
