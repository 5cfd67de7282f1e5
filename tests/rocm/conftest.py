"""A checkout with the recipes of the ROCm stack, whose pins point to wheels made here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from recipes.repack.commands import listed_in
from tests.rocm.wheels import Release
from tests.tools.conftest import point_to
from tools import build, paths, recipes, standin
from tools.console import step
from tools.rocm import pins, store
from tools.rocm.build import build_stack
from tools.variants import chosen

TARGETS = ("gfx1100", "gfx1201")
PYTHON = "3.11"  # the stand-in has no other, and environments are installed here
LINUX, WINDOWS = Release(windows=False), Release(windows=True)
RELEASES = {"linux-64": LINUX, "win-64": WINDOWS}


@dataclass(frozen=True)
class Stack:
    """A checkout at `root`; `wheels` is the folder the tests' wheels lie in."""

    root: Path
    wheels: Path

    def build(self, platform: str, *targets: str) -> None:
        build_stack(list(targets or TARGETS), platform, [PYTHON], self.wheels)

    def pin(self) -> None:
        """Pin every file of `wheels` as it is now."""
        rows = {}
        for file in sorted(self.wheels.iterdir()):
            sha256, size = store.measure(file)
            rows[file.name] = pins.Pin(sha256=sha256, size=size)
        pins.write(pins.Pins(index="http://127.0.0.1:9", wheels=rows))

    def packages(self) -> set[str]:
        return {p.name for p in paths.CHANNEL.glob("*/*.conda")}


def commands(windows: bool) -> Mapping[str, bytes]:
    """What the recipes list is what the wheels bring."""
    names = {"rocm-sdk-core": "rocm-sdk-core", "pytorch": "pytorch", "triton": "triton"}
    files = {k: Path(__file__).parents[2] / "recipes" / v / "recipe.yaml" for k, v in names.items()}
    return {k: "\n".join(sorted(listed_in(f, windows))).encode() for k, f in files.items()}


def make_wheels(folder: Path) -> None:
    families = {v.name: v.rocm_family[0] for v in chosen(list(TARGETS))}
    for platform, release in RELEASES.items():
        release.write(folder, families, commands(platform == "win-64"))


def _checkout(root: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    real, conda_forge, rattler = paths.ROOT, paths.STANDIN, paths.RATTLER_CACHE
    folders = {recipe.folder.name for recipe in recipes.all_recipes("rocm")}
    for name in [*folders, "repack", "gfx-target", "into_prefix.py"]:
        source, target = real / "recipes" / name, root / "recipes" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, target)
    (root / "variants").mkdir()
    for name in ("cpu", *TARGETS):
        shutil.copy(real / "variants" / f"{name}.yaml", root / "variants")
    shutil.copy(real / "pins.yaml", root)
    (root / ".gitignore").write_text("/build/\n__pycache__\n")
    stack = Stack(root, root / "build" / "given")
    stack.wheels.mkdir(parents=True)
    make_wheels(stack.wheels)
    point_to(root, monkeypatch)
    monkeypatch.setattr(paths, "STANDIN", conda_forge)
    monkeypatch.setattr(standin, "ensure", lambda *_: None)  # this checkout's own, as it is
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(rattler))
    monkeypatch.setenv("VLLM_GFX_CACHE", str(root / "cache"))
    import subprocess

    subprocess.run(["git", "init", "-q", str(root)], check=True)
    stack.pin()
    return stack


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """One that a test may spoil; nothing is built yet."""
    return _checkout(tmp_path / "checkout", monkeypatch)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One that is built for two targets on both platforms; tests only look at it."""
    with pytest.MonkeyPatch.context() as patch:
        stack = _checkout(tmp_path_factory.mktemp("rocm") / "checkout", patch)
        for platform in RELEASES:
            stack.build(platform)
        target = recipes.get("gfx-target")
        for variant in chosen(["cpu", *TARGETS]):
            with step("gfx-target") as current:
                build.make(build.Job(target, variant), current)
        build.publish()
        yield stack
