"""A checkout with the recipes of the ROCm stack, whose pins point to wheels made here."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
# Of this checkout, whatever a test points the tools to.
REAL, STANDIN, RATTLER_CACHE = paths.ROOT, paths.STANDIN, paths.RATTLER_CACHE
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


def _write(root: Path) -> None:
    """The files of the checkout."""
    folders = {recipe.folder.name for recipe in recipes.all_recipes("rocm")}
    for name in [*folders, "repack", "gfx-target", "into_prefix.py"]:
        source, target = REAL / "recipes" / name, root / "recipes" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, target)
    (root / "variants").mkdir()
    for name in ("cpu", *TARGETS):
        shutil.copy(REAL / "variants" / f"{name}.yaml", root / "variants")
    shutil.copy(REAL / "pins.yaml", root)
    (root / ".gitignore").write_text("/build/\n__pycache__\n")
    subprocess.run(["git", "init", "-q", str(root)], check=True)


def _use(root: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Make the tools take `root` for the checkout, with this one's stand-in and packages."""
    point_to(root, monkeypatch)
    monkeypatch.setattr(paths, "STANDIN", STANDIN)
    monkeypatch.setattr(standin, "ensure", lambda *_: None)  # this checkout's own, as it is
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(RATTLER_CACHE))
    monkeypatch.setenv("VLLM_GFX_CACHE", str(root / "cache"))
    return Stack(root, root / "build" / "given")


def _checkout(root: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    _write(root)
    wheels = root / "build" / "given"
    wheels.mkdir(parents=True)
    make_wheels(wheels)
    stack = _use(root, monkeypatch)
    stack.pin()
    return stack


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """One that a test may spoil; nothing is built yet."""
    return _checkout(tmp_path / "checkout", monkeypatch)


@pytest.fixture(scope="session")
def built_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout that is built for two targets on both platforms; the tools forget it again."""
    root = tmp_path_factory.mktemp("rocm") / "checkout"
    with pytest.MonkeyPatch.context() as patch:
        stack = _checkout(root, patch)
        for platform in RELEASES:
            stack.build(platform)
        target = recipes.get("gfx-target")
        for variant in chosen(["cpu", *TARGETS]):
            with step("gfx-target") as current:
                build.make(build.Job(target, variant), current)
        build.publish()
    return root


@pytest.fixture
def built(built_root: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """It, for one test, which only looks at it."""
    return _use(built_root, monkeypatch)


@contextmanager
def using(root: Path) -> Iterator[Stack]:
    """The same for a fixture that lives longer than a test."""
    with pytest.MonkeyPatch.context() as patch:
        yield _use(root, patch)
