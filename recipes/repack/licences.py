"""The licence texts of what is repacked, where `license_file` of its recipe looks for them."""

import re
import shutil
from pathlib import Path

from .opened import OpenedWheel

TEXT = re.compile(r"^(licen[cs]e|copying|notice|authors|copyright)", re.IGNORECASE)
CODE = (".py", ".pyi", ".h", ".hpp", ".so", ".dll")
NONE = "The files that {name} was repacked from hold no licence text.\n"


def collect_from_wheel(wheel: OpenedWheel, folder: Path) -> None:
    """Copy every licence text of `wheel` into `folder`, at the path that it has in the wheel."""
    for member in wheel.members:
        if _is_text(member):
            target = folder / member
            target.parent.mkdir(parents=True, exist_ok=True)
            with wheel.archive.open(member) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
    _say_if_none(folder, wheel.path.name)


def collect(source: Path, folder: Path, name: str) -> None:
    """The same for the unpacked files of `name` below `source`."""
    for file in sorted(p for p in source.rglob("*") if p.is_file()):
        if _is_text(file.relative_to(source).as_posix()):
            target = folder / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    _say_if_none(folder, name)


def _is_text(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return bool(TEXT.match(name)) and not name.endswith(CODE)


def _say_if_none(folder: Path, name: str) -> None:
    if not folder.is_dir():
        folder.mkdir()
        (folder / "NO-LICENCE-TEXT.txt").write_text(NONE.format(name=name), encoding="utf-8")
