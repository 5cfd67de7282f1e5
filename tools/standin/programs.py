"""Wheels that only wrap a program, laid out as conda-forge has it: the table is programs.yaml."""

from functools import cache
from pathlib import Path

import yaml

TABLE = Path(__file__).with_name("programs.yaml")


@cache
def _table() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return table


def is_program(distribution: str) -> bool:
    """Whether the package of this distribution is no Python package."""
    return distribution in _table()


def destination(distribution: str, member: str) -> str | None:
    """Where a member lies below the prefix; None if the package lacks it."""
    for source, target in _table()[distribution].items():
        if member == source or (source.endswith("/") and member.startswith(source)):
            return target + member.removeprefix(source)
    return None
