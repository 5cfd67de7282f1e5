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
from tools import build, cache, keys, paths, recipes, stamps, standin
from tools.console import step
from tools.variants import chosen

QUICK = {"gfx-target": "gfx1100", "gfx-auto": "gfx1100", "vllm-gfx": None, "gfx-kernels": "cpu"}
NEEDED = ("recipes", "variants", "pins.yaml", "shims", "kernels", "LICENSE", "patches", "tools")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, stamps.Stamp]:
    """The tools work in a copy of this checkout; the stamps of the real one by job."""
    real = paths.ROOT
    root = tmp_path / "in another" / "folder" / "of another length"
    known = {name: stamps.read(name) for name in [p.stem for p in paths.STAMPS.glob("*.json")]}
    for name in NEEDED:
        for file in keys.files_of(real / name):
            (root / file.relative_to(real)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, root / file.relative_to(real))
    (root / ".gitignore").write_text("/build/\n")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    objects = real / "build" / "kernels"
    shutil.copytree(objects, root / "build" / "kernels")
    standin_channel = paths.STANDIN
    point_to(root, monkeypatch)
    monkeypatch.setattr(paths, "STANDIN", standin_channel)
    monkeypatch.setattr(standin, "ensure", lambda *_: None)
    return {name: stamp for name, stamp in known.items() if stamp}


def test_the_same_bytes(copy: dict[str, stamps.Stamp]) -> None:
    differs = []
    for name, target in QUICK.items():
        job = build.Job(recipes.get(name), chosen([target])[0] if target else None)
        assert copy[job.name].key == job.key, f"build/channel holds an older {job.name}"
        with step(f"build {job.name} again") as current:
            build.make(job, current)
        again = stamps.read(job.name)
        assert again and again.file == copy[job.name].file
        assert cache.sha256_of(paths.CHANNEL / again.file) == again.sha256
        if again.sha256 != copy[job.name].sha256:
            differs.append(job.name)
    assert not differs
