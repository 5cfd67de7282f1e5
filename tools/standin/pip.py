"""The ordinary pip client: what it is configured with, and downloads by digest into the cache."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import cache
from tools.cache import Progress
from tools.errors import ToolError, is_no_space, no_space
from tools.standin.platforms import Platform

MISMATCH = (
    r"\n *(?P<what>\S+==\S+) from .*\n *Expected sha256 (?P<expected>\w+)"
    r"(\n *Expected .*)*\n *Got *(?P<got>\w+)"
)


@dataclass(frozen=True)
class Pin:
    """One line of a lock: a distribution at a version, and the one wheel of it we use."""

    name: str
    version: str
    sha256: str
    extras: tuple[str, ...] = ()  # those that anything in the closure asks for, sorted

    def line(self) -> str:
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f"{self.name}{extras}=={self.version} --hash=sha256:{self.sha256}"


def settings() -> dict[str, str]:
    """pip's own configuration, of files and environment, by option name ("find-links").

    Several values of one option are separated by blanks, as uv wants them.
    """
    found: dict[str, str] = {}
    rows = [line.partition("=") for line in _pip(["config", "list"]).splitlines()]
    for section in ("global", "download", ":env:"):  # a later one wins, as in pip
        for key, _, value in rows:
            if key.startswith(f"{section}."):
                found[key.removeprefix(f"{section}.")] = " ".join(ast.literal_eval(value).split())
    return found


def download(
    lines: Sequence[str],
    folder: Path,
    platform: Platform,
    hashes: bool = True,
    python: str | None = None,
) -> None:
    """Have pip put the wheels of requirement `lines` for `platform` into `folder`.

    `python` is a full version, for distributions that need some patch release of it.
    """
    listing = folder / "requirements.txt"
    listing.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    target = [f"--platform={name}" for name in platform.wheel_platforms]
    target += ["--implementation=cp", f"--python-version={python or platform.python}"]
    target.append("--only-binary=:all:")
    checks = ["--require-hashes"] if hashes else []
    where = [f"--requirement={listing}", f"--dest={folder}"]
    _pip(["download", "--no-deps", "--progress-bar=off", *checks, *target, *where])
    listing.unlink()


def fetch(pins: Sequence[Pin], platform: Platform, progress: Progress) -> dict[str, Path]:
    """The wheel of every pin by its digest, from the cache or the package index."""
    with cache.locked(progress):
        found = {pin.sha256: cache.find(pin.sha256, progress) for pin in pins}
        missing = [pin for pin in pins if found[pin.sha256] is None]
        for number, part in enumerate(batches := _batches(missing)):
            progress(f"downloading {part[0].name} and others ({number + 1} of {len(batches)})")
            found |= _download_batch(part, platform)
    return {sha256: path for sha256, path in found.items() if path is not None}


def _download_batch(pins: Sequence[Pin], platform: Platform) -> dict[str, Path | None]:
    with cache.scratch() as folder:
        download([pin.line() for pin in pins], folder, platform)
        by_digest = {cache.sha256_of(file): file for file in folder.iterdir()}
        return {pin.sha256: cache.add(by_digest[pin.sha256], pin.sha256) for pin in pins}


def _batches(pins: Sequence[Pin], size: int = 25) -> list[Sequence[Pin]]:
    """Small enough that an interrupted run keeps most of what it fetched."""
    return [pins[start : start + size] for start in range(0, len(pins), size)]


def _pip(arguments: Sequence[str]) -> str:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    quiet = {**os.environ, "PIP_NO_COLOR": "1"}
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, env=quiet)
    if done.returncode:
        raise explained(done.stderr)
    return done.stdout


def explained(stderr: str) -> ToolError:
    """pip's failure as one line, with the remedy."""
    if is_no_space(OSError(stderr)):
        return no_space(cache.root())
    if found := re.search(MISMATCH, stderr):
        return ToolError(
            f"{found['what']} has sha256 {found['got']}, expected {found['expected']}",
            "the download is incomplete or the file was replaced: check the package index pip uses",
        )
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR:")]
    text = errors[-1].removeprefix("ERROR:").strip() if errors else stderr.strip()[-300:]
    if "torch==" in text:
        return ToolError(
            f"pip: {text}",
            "the stand-in needs PyTorch's CPU build: give pip its CPU wheel index"
            " (PIP_EXTRA_INDEX_URL) or a folder with that wheel (PIP_FIND_LINKS)",
        )
    return ToolError(f"pip: {text}", "check that pip reaches a package index that has it")
