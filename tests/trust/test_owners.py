"""Two packages that own one file: neither a prefix nor a bundle is made of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from rattler import RepoDataRecord
from rattler.index import index_fs

from tools import generations, paths, solve, trial
from tools.bundle import pack
from tools.errors import ToolError
from tools.standin import archive
from tools.trust import owners
from tools.trust.package import Package


def package(name: str, *files: str, noarch: str = "generic", version: str = "1") -> Package:
    """A package of these files in the channel; `noarch` "python" moves site-packages/."""
    folder = paths.CHANNEL / "noarch"
    folder.mkdir(parents=True, exist_ok=True)
    index: dict[str, Any] = {"name": name, "version": version, "build": "0", "build_number": 0}
    index |= {"subdir": "noarch", "noarch": noarch, "depends": []}
    entries = [archive.from_bytes(file, name.encode()) for file in files]
    target = folder / f"{name}-{version}-0.conda"
    archive.write(target, index, entries, {})
    return Package(target)


def solved(*names: str) -> list[RepoDataRecord]:
    asyncio.run(index_fs(paths.CHANNEL, write_zst=False, write_shards=False))
    return solve.records(names)


def test_a_prefix_of_both_is_refused_and_the_old_stays(place: Path) -> None:
    package("a", "share/x.txt")
    package("b", "share/x.txt", "share/y.txt")
    generations.install("cpu", solved("a"), trial.nothing)
    with pytest.raises(ToolError, match=r"^(a and b|b and a) both own share/x.txt; nothing was"):
        generations.install("cpu", solved("a", "b"), trial.nothing)
    assert (place / "cpu" / "share" / "x.txt").read_text() == "a"
    assert not (place / "cpu@2").exists()


def test_a_bundle_of_both_is_refused(place: Path, tmp_path: Path) -> None:
    package("a", "share/x.txt")
    package("b", "share/x.txt")
    solved("a", "b")
    with pytest.raises(ToolError, match=r"both own share/x.txt"):
        pack.contents("cpu", solve.here(), ["a", "b"], print)


@pytest.mark.parametrize(
    ("one", "other", "platform", "clash"),
    [
        ("site-packages/x.py", "site-packages/x.py", "linux-64", False),  # only one is moved
        ("site-packages/x.py", "lib/python3.11/site-packages/x.py", "linux-64", True),
        ("site-packages/x.py", "lib/python3.12/site-packages/x.py", "linux-64", False),
        ("site-packages/x.py", "Lib/site-packages/x.py", "win-64", True),
        ("python-scripts/x", "bin/x", "linux-64", True),
        ("share/X.txt", "share/x.txt", "linux-64", False),
        ("share/X.txt", "share/x.txt", "win-64", True),  # the file system there sees one name
    ],
)
def test_where_files_will_lie(
    place: Path, one: str, other: str, platform: str, clash: bool
) -> None:
    packages = [package("a", one, noarch="python"), package("b", other)]
    packages.append(package("python", "bin/python3.11", version="3.11.7"))
    if clash:
        with pytest.raises(ToolError, match="both own"):
            owners.check_packages(packages, platform)
    else:
        owners.check_packages(packages, platform)
