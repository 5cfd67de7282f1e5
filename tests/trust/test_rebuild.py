"""Packages built again, in another folder and from a copy of the checkout, are the same bytes.

Here those that build in seconds; `python dev.py build` in a second clone shows it of the rest, by
comparing build/channel/SHA256SUMS.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.tools.conftest import point_to
from tools import build, cache, keys, paths, recipes, stamps
from tools.console import step
from tools.variants import chosen

QUICK = {"gfx-target": "gfx1100", "gfx-auto": "gfx1100", "vllm-gfx": None, "gfx-kernels": "cpu"}
NEEDED = ("recipes", "variants", "pins.yaml", "shims", "kernels", "LICENSE", "patches", "tools")


def jobs() -> list[build.Job]:
    """What is built again, from the checkout that the tools work in."""
    return [
        build.Job(recipes.get(name), chosen([target])[0] if target else None)
        for name, target in QUICK.items()
    ]


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, stamps.Stamp]:
    """What the real channel holds, by job. The tools then work in a copy of this checkout."""
    found = {}
    for job in jobs():
        stamp = stamps.read(job.name)
        assert stamp and stamp.key == job.key, f"build/channel holds an older {job.name}"
        found[job.name] = stamp
    root = tmp_path / "in another" / "folder" / "of another length"
    copy_checkout(paths.ROOT, root)
    standin_channel = paths.STANDIN
    point_to(root, monkeypatch)
    monkeypatch.setattr(paths, "STANDIN", standin_channel)
    return found


def copy_checkout(real: Path, root: Path) -> None:
    """What packages are made from, the compiled kernels included."""
    for name in NEEDED:
        for file in keys.files_of(real / name):
            (root / file.relative_to(real)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, root / file.relative_to(real))
    (root / ".gitignore").write_text("/build/\n")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    if (real / "build" / "kernels").is_dir():
        shutil.copytree(real / "build" / "kernels", root / "build" / "kernels")


def test_the_same_bytes(built: dict[str, stamps.Stamp]) -> None:
    differs = []
    for job in jobs():
        with step(f"build {job.name} again") as current:
            build.make(job, current)
        again = stamps.read(job.name)
        assert again and again.file == built[job.name].file
        assert cache.sha256_of(paths.CHANNEL / again.file) == again.sha256
        if again.sha256 != built[job.name].sha256:
            differs.append(job.name)
    assert not differs
