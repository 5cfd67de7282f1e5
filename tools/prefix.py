"""Prefixes: installing solved environments into folders, and running programs inside them."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from rattler import RepoDataRecord, install
from rattler.exceptions import InstallerError
from rattler.package_cache import PackageCache, ValidationMode
from rattler.platform import Subdir

from tools import paths, solve
from tools.errors import ToolError, is_no_space, no_space
from tools.recipes import Recipe

Progress = Callable[[str], None]
# Of another Python, or a slow start: without bytecode `import vllm` compiles for ten seconds.
LEAKS = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
# Windows finds libraries by PATH; in the order conda activates.
SEARCHED_ON_WINDOWS = ("", "Library/mingw-w64/bin", "Library/usr/bin", "Library/bin", "Scripts")
LIST = "solved.txt"  # written last: a prefix without it is a broken one


def python_of(prefix: Path) -> Path:
    return prefix / ("python.exe" if os.name == "nt" else "bin/python")


def scripts_of(prefix: Path) -> Path:
    return prefix / ("Scripts" if os.name == "nt" else "bin")


def program_of(prefix: Path, name: str) -> Path:
    """The file of an entry point: a program of its own on Windows."""
    return scripts_of(prefix) / (name + (".exe" if os.name == "nt" else ""))


def searched(prefix: Path) -> list[Path]:
    """The folders to put on PATH."""
    if os.name != "nt":
        return [scripts_of(prefix)]
    return [prefix / folder for folder in SEARCHED_ON_WINDOWS]


def environment(prefix: Path, **extra: str) -> dict[str, str]:
    """The process environment for programs of `prefix`: nothing of another Python leaks in."""
    inherited = {key: value for key, value in os.environ.items() if key not in LEAKS}
    return {
        **inherited,
        "PATH": os.pathsep.join([*map(str, searched(prefix)), inherited.get("PATH", "")]),
        "CONDA_PREFIX": str(prefix),
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",  # vLLM opens text files without naming an encoding
        **extra,
    }


def is_made_of(prefix: Path, wanted: Sequence[RepoDataRecord]) -> bool:
    """Whether `prefix` is complete and holds exactly these packages."""
    stamp = prefix / LIST
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == _listed(prefix, wanted)


def make(
    prefix: Path,
    wanted: Sequence[RepoDataRecord],
    cache: Path | None = None,
    platform: str | None = None,
) -> bool:
    """Make `prefix` of exactly these packages, from nothing; False if it already is.

    `cache` is the folder where packages are unpacked, by default one for all prefixes; `platform`
    is what their programs run on, by default this one. If it fails
    the prefix that was there is put back. Prefixes are never updated in place, and cannot be
    renamed into place either: their scripts hold their path.
    """
    if is_made_of(prefix, wanted):
        return False
    retired = prefix.with_name(prefix.name + ".old")
    if retired.exists() and not (prefix / LIST).is_file():
        shutil.rmtree(prefix, ignore_errors=True)  # killed in the middle: the retired one is good
    else:
        shutil.rmtree(retired, ignore_errors=True)
        if prefix.exists():
            prefix.rename(retired)
    try:
        _install(prefix, wanted, cache, platform)
        (prefix / LIST).write_text(_listed(prefix, wanted), encoding="utf-8")
    except BaseException:
        shutil.rmtree(prefix, ignore_errors=True)
        if retired.exists():
            retired.rename(prefix)
        raise
    shutil.rmtree(retired, ignore_errors=True)
    return True


def _install(
    prefix: Path, wanted: Sequence[RepoDataRecord], cache: Path | None, platform: str | None
) -> None:
    prefix.mkdir(parents=True)
    coroutine = install(
        list(wanted),
        target_prefix=prefix.resolve(),
        platform=Subdir(platform or solve.here()),
        package_cache=_package_cache(cache),
        show_progress=False,
    )
    try:
        asyncio.run(coroutine)
    except InstallerError as error:
        if is_no_space(error):
            raise no_space(paths.shown(prefix)) from None
        raise ToolError(f"installing into {paths.shown(prefix)} failed: {error}") from None


def _package_cache(folder: Path | None) -> PackageCache:
    """Unpacked packages, each hashed again before it is used.

    Prefixes share files with it through hard links, so an edit in one of them is an edit here too.
    """
    default = os.environ.get("RATTLER_CACHE_DIR", paths.RATTLER_CACHE)
    where: list[str | os.PathLike[str]] = [folder or Path(default) / "pkgs"]
    return PackageCache.new_layered(where, validation_mode=ValidationMode.full())


def _listed(prefix: Path, wanted: Sequence[RepoDataRecord]) -> str:
    lines = sorted(f"{r.file_name} {(r.sha256 or b'').hex()}" for r in wanted)
    return "\n".join([str(prefix), *lines, ""])


def for_recipe(recipe: Recipe, progress: Progress) -> Path:
    """The Python of an environment with the packages that `recipe` builds with."""
    progress("environment with the packages its setup.py imports")
    prefix = paths.BUILD / "envs" / recipe.name
    host = [recipe.fill(spec) for spec in recipe.requirements("host")]
    make(prefix, solve.records(host, channels=[paths.STANDIN.as_uri()]))
    return python_of(prefix)
