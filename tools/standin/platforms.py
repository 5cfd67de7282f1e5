"""The platforms the stand-in is made for; the table is platforms.yaml."""

import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from tools import paths
from tools.errors import ToolError

TABLE = Path(__file__).with_name("platforms.yaml")


@dataclass(frozen=True)
class Platform:
    """One target: how pip, uv and environment markers name it."""

    name: str
    python: str  # "3.11"
    sysconfig: str  # what sysconfig.get_platform() says there
    uv_platform: str
    wheel_platforms: tuple[str, ...]
    torch_local: str
    markers: dict[str, str]

    @property
    def windows(self) -> bool:
        return self.name.startswith("win-")

    @property
    def native(self) -> bool:
        """Whether this process runs on it."""
        return self.sysconfig == sysconfig.get_platform()

    @property
    def site_packages(self) -> str:
        """Where a package that is not noarch keeps its modules, from the prefix."""
        return "Lib/site-packages" if self.windows else f"lib/python{self.python}/site-packages"


@cache
def pins() -> dict[str, str]:
    """pins.yaml with its one-element lists taken off."""
    return {key: str(value[0]) for key, value in yaml.safe_load(paths.PINS.read_text()).items()}


@cache
def get(name: str) -> Platform:
    """The platform called `name`; raises ToolError for one without a row in the table."""
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    if name not in table:
        raise ToolError(f"no stand-in channel for platform {name!r}", f"known: {', '.join(table)}")
    row = dict(table[name])
    python = pins()["python_min"]
    cpython = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "platform_python_implementation": "CPython",
    }
    row["markers"] |= cpython
    row["wheel_platforms"] = tuple(row["wheel_platforms"])
    return Platform(name=name, python=python, **row)
