"""The targets this library knows. The only module that knows gfx names; it reads them from data.

In an installed package the variant files and the name of the target it was built for lie beside
this file; in a source checkout they are the repository's `variants/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

_HERE = Path(__file__).parent
_BUILT_FOR = _HERE / "built_for.txt"
REFERENCE = "cpu"


@dataclass(frozen=True)
class Target:
    """One line of the target table; the fields are the keys of `variants/<name>.yaml`."""

    name: str
    isa: str
    wave_size: int
    matrix_op: str
    fp8: str
    triton_as: str
    platforms: tuple[str, ...]
    products: tuple[str, ...]
    known_issues: tuple[str, ...]
    tests: tuple[str, ...]


def _variants_folder() -> Path:
    packaged = _HERE / "variants"
    return packaged if packaged.is_dir() else _HERE.parents[2] / "variants"


def _read(path: Path) -> Target:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Target(
        name=data["gfx_target"][0],
        isa=data["isa"][0],
        wave_size=int(data["wave_size"][0]),
        matrix_op=data["matrix_op"][0],
        fp8=data["fp8"][0],
        triton_as=data.get("triton_as", [""])[0],
        platforms=tuple(data["platforms"]),
        products=tuple(data["products"]),
        known_issues=tuple(data["known_issues"]),
        tests=tuple(data["tests"]),
    )


@cache
def all_targets() -> dict[str, Target]:
    """Every target by name, in the order of the file names."""
    return {t.name: t for t in map(_read, sorted(_variants_folder().glob("*.yaml")))}


def get(name: str) -> Target:
    """The target called `name`. Raises ValueError, naming the known ones, if there is none."""
    try:
        return all_targets()[name]
    except KeyError:
        known = ", ".join(all_targets())
        raise ValueError(f"unknown target {name!r}; known targets: {known}") from None


def nearest(name: str, among: Iterable[str]) -> Target | None:
    """Of the targets `among`, the one whose code is likeliest to run on `name`; None if none is.

    The first two numbers of their ISAs are equal and the stepping is the closest. `name` need not
    be in the table. The driver refuses such code unless it is told that the card is the other one.
    """
    *family, stepping = _isa(name)
    near = [t for t in map(all_targets().get, among) if t and t.isa.split(".")[:2] == family]
    return min(near, key=lambda t: abs(int(t.isa.split(".")[2]) - int(stepping)), default=None)


def _isa(name: str) -> list[str]:
    """`gfx90a` is 9.0.10: the last two digits are a hexadecimal minor and a stepping."""
    digits = name.removeprefix("gfx")
    return [digits[:-2], *(str(int(d, 16)) for d in digits[-2:])]


def built_for() -> str:
    """The target this package was built for; the reference target in a source checkout."""
    if _BUILT_FOR.is_file():
        return _BUILT_FOR.read_text(encoding="ascii").strip()
    return REFERENCE
