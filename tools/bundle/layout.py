"""What a bundle is: a plain tar archive whose bytes are a function of its contents.

    SHA256SUMS                 digests of all that follows, as `sha256sum --check` reads them
    bundle.json                target, platform, what to ask the solver for, bytes when unpacked
    lock.txt                   the packages, in the format of `conda list --explicit`
    channel/<platform>/...     those packages, and a repodata.json that names exactly them
    wheels/                    what dev.py makes its own .venv of, for a machine without one

The packages are compressed, so the archive is not.
"""

from __future__ import annotations

import json
import tarfile
from dataclasses import asdict, dataclass
from typing import Literal

from tools.errors import ToolError

SCHEMA = 1
DATA, LOCK, CHANNEL, WHEELS = "bundle.json", "lock.txt", "channel", "wheels"
FORMAT: Literal[1] = 1  # tarfile.GNU_FORMAT


@dataclass(frozen=True)
class Data:
    """bundle.json."""

    target: str
    platform: str
    specs: list[str]
    unpacked: int  # bytes of all packages' files
    python: str  # of wheels/, e.g. "3.11"; empty without them
    schema: int = SCHEMA

    def dump(self) -> bytes:
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode() + b"\n"


def load(content: bytes) -> Data:
    """The content of bundle.json. Raises ToolError if a later version of this tool wrote it."""
    try:
        raw = json.loads(content)
        if raw["schema"] == SCHEMA:
            return Data(**raw)
    except (ValueError, TypeError, KeyError):
        raise ToolError(f"{DATA} of the bundle cannot be read", "get the file again") from None
    raise ToolError(
        f"the bundle has layout {raw['schema']}, known here: {SCHEMA}",
        "take its checkout's version",
    )


def member(name: str, size: int) -> tarfile.TarInfo:
    """The header of a file: nothing but its name and size varies."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info


def lock(digests: dict[str, str], platform: str) -> str:
    """lock.txt for digests of packages by their path in the bundle."""
    lines = [f"{path}#sha256:{digests[path]}" for path in sorted(digests)]
    return "\n".join([f"# platform: {platform}", "@EXPLICIT", *lines, ""])


def locked(content: str) -> dict[str, str]:
    """The other way round: sha256 by path."""
    rows = [line.partition("#sha256:") for line in content.splitlines() if line[:1] not in "#@"]
    return {path: digest for path, _, digest in rows}
