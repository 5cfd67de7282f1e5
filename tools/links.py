"""A name for a folder beside it, as each system lets everyone make one."""

from __future__ import annotations

import sys
from pathlib import Path


def leads_to(link: Path) -> str | None:
    """The name of the folder that `link` leads to; None if it is no link."""
    try:
        return link.readlink().name
    except OSError:
        return None


def point(link: Path, name: str) -> None:
    """Make `link` lead to the folder `name` beside it; a folder in its place is put aside.

    Raises OSError where that is not possible: on a disk without links, and on Windows also while a
    program is in the folder.
    """
    if link.is_dir() and leads_to(link) is None:
        link.rename(link.with_name(f"{link.name}.old"))
    if sys.platform == "win32":
        _junction(link, link.with_name(name))
        return
    fresh = link.with_name(f"{link.name}.link")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(name, target_is_directory=True)
    fresh.replace(link)


def _junction(link: Path, folder: Path) -> None:
    """Symbolic links need a right on Windows, junctions do not; one cannot be replaced."""
    if sys.platform == "win32":
        import _winapi  # exists on Windows only

        if leads_to(link):
            link.rmdir()
        _winapi.CreateJunction(str(folder), str(link))
