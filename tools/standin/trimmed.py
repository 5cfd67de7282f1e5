"""Wheels whose packages lack something that cannot work here: the table is trimmed.yaml."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools.errors import ToolError
from tools.standin.platforms import Platform

TABLE = Path(__file__).with_name("trimmed.yaml")


@cache
def _table() -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return table


def _row(distribution: str, platform: Platform) -> dict[str, Any]:
    row = _table().get(distribution, {"platforms": []})
    return row if platform.name in row["platforms"] else {"left_out": [], "replaced": {}}


def keeps(distribution: str, member: str, platform: Platform) -> bool:
    """Whether the package has this member of the wheel."""
    return not any(
        member == gone or (gone.endswith("/") and member.startswith(gone))
        for gone in _row(distribution, platform)["left_out"]
    )


def replacements(distribution: str, member: str, platform: Platform) -> Mapping[str, str]:
    """Texts of this member and what the package has instead; mostly none."""
    found: Mapping[str, str] = _row(distribution, platform)["replaced"].get(member, {})
    return found


def replaced(member: str, contents: bytes, texts: Mapping[str, str]) -> bytes:
    """`contents` with every text of `texts` replaced; raises ToolError if one is not there."""
    for old, new in texts.items():
        if old.encode() not in contents:
            raise ToolError(f"{member} has no {old!r}", f"see {TABLE.name} of the stand-in")
        contents = contents.replace(old.encode(), new.encode())
    return contents


def recorded(contents: bytes) -> list[str]:
    """Digest and size of a file as RECORD has them."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(contents).digest()).rstrip(b"=").decode()
    return [f"sha256={digest}", str(len(contents))]
