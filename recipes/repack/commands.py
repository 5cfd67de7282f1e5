"""The commands of a wheel are listed in its recipe, because the client makes their scripts."""

import configparser
from pathlib import Path
from typing import Any

import yaml

from .opened import OpenedWheel, WheelError

GROUPS = ("console_scripts", "gui_scripts")


def commands_of(wheel: OpenedWheel) -> set[str]:
    """`name = module:function` of every script that an installer makes for it."""
    if f"{wheel.dist_info}/entry_points.txt" not in wheel.members:
        return set()
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(wheel.text("entry_points.txt"))
    rows = [row for group in GROUPS if parser.has_section(group) for row in parser.items(group)]
    return {f"{name} = {place.split('[')[0].strip()}" for name, place in rows}


def listed_in(recipe: Path, windows: bool) -> set[str]:
    """The `entry_points` of a recipe on one system; its conditions are `win` and nothing else."""
    raw = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    return set(_holds(raw["build"].get("python", {}).get("entry_points", []), windows))


def _holds(items: list[Any], windows: bool) -> list[str]:
    found: list[str] = []
    for item in items:
        if isinstance(item, dict):
            assert item["if"] == "win", item
            found += _holds(item["then" if windows else "else"], windows)
        else:
            found.append(item)
    return found


def same_commands(wheel: OpenedWheel, recipe: Path, windows: bool) -> None:
    """Raise WheelError unless `recipe` lists exactly the wheel's commands."""
    theirs, ours = commands_of(wheel), listed_in(recipe, windows)
    if theirs != ours:
        lacks, more = sorted(theirs - ours), sorted(ours - theirs)
        raise WheelError(
            f"{wheel.path.name}: entry_points of {recipe.parent.name}/{recipe.name} lack {lacks}"
            f" and have {more} too much; correct them there"
        )
