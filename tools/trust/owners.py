"""Two packages that own one file: whichever came last would win, so neither may be installed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tools.errors import ToolError
from tools.trust import verify
from tools.trust.package import Package


def check_prefix(where: Path) -> None:
    """Raise ToolError if two packages of the prefix own one file.

    The installer sets the second one aside and notes where it belonged.
    """
    rows = [(e.row.get("original_path", e.path), e.package) for e in verify.entries(where)]
    _check(rows, folded=(where / "python.exe").exists())


def check_packages(packages: Iterable[Package], platform: str) -> None:
    """The same for packages that are not installed, also for a platform that this is not."""
    packages = list(packages)
    versions = {str(p.index["name"]): str(p.index["version"]) for p in packages}
    python = ".".join(versions.get("python", "3").split(".")[:2])
    rows = [
        (path, str(p.index["name"])) for p in packages for path in p.installed(platform, python)
    ]
    _check(rows, folded=platform == "win-64")


def _check(rows: Iterable[tuple[str, str]], folded: bool) -> None:
    owners: dict[str, str] = {}
    for path, package in rows:
        first = owners.setdefault(path.lower() if folded else path, package)
        if first != package:
            raise ToolError(
                f"{first} and {package} both own {path}",
                "nothing was installed; leave one of the two out of the environment",
            )
