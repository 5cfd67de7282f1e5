"""`recipes/rocm.yaml`: the size and sha256 of every wheel that a recipe repacks, by file name.

A file name holds the project, its version, the Python and the platform; pins.yaml says which
version is built. So a row never has to be changed: a new version brings new rows.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Literal
from urllib.parse import quote

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools import paths, recipes
from tools.errors import ToolError

HEADER = """\
# What the recipes of the ROCm stack repack: size and sha256 of each wheel, by file name. pins.yaml
# says which version is built. AMD's index publishes no hashes: `seen` names the public record that
# a hash was read from, and nobody here compared it with AMD's file. Rows with a hash and no `seen`
# were measured on the downloaded file by `python dev.py pin rocm VERSION`, which also fills the
# rows that have none: files that an index listed, or that its naming rule expects; they are not
# built before. `url` stands where a file is not at `index`/project/name; `index: pip` means the
# index that pip is given.
"""


class Pin(BaseModel):
    """One file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    size: Annotated[int, Field(gt=0)] | None  # bytes
    url: str | None = None
    index: Literal["pip"] | None = None
    seen: str | None = None


class Pins(BaseModel):
    """The file: an index in PyPI's simple layout, and the pins by file name."""

    model_config = ConfigDict(extra="forbid", strict=True)

    index: str
    wheels: dict[str, Pin]

    def url(self, name: str) -> str:
        """Where file `name` is downloaded from; its pin has no `index`."""
        return self.wheels[name].url or self.below_index(name)

    def below_index(self, name: str) -> str:
        """Where file `name` is unless its pin says otherwise."""
        return f"{self.index}/{project(name)}/{quote(name, safe='')}"


def project(name: str) -> str:
    """The project of a wheel or source distribution, as its page on an index is called."""
    return re.sub("[-_.]+", "-", re.split(r"-\d", name)[0]).lower()


def read() -> Pins:
    """The checked content of recipes/rocm.yaml. Raises ToolError naming the first wrong key."""
    try:
        return Pins.model_validate(yaml.safe_load(paths.ROCM.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            said = f"{': '.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise ToolError(f"{paths.shown(paths.ROCM)}: {said}") from None


def write(pins: Pins) -> None:
    """Write the file: one line per wheel, sorted, so that a diff shows what changed."""
    lines = [HEADER + f"index: {pins.index}", "wheels:"]
    for name, pin in sorted(pins.wheels.items()):
        given = pin.model_dump(exclude_none=True)
        row = {"sha256": pin.sha256, "size": pin.size, **given}
        lines.append(f"  {name}: {json.dumps(row)}")
    fresh = paths.ROCM.with_suffix(".new")
    fresh.write_text("\n".join([*lines, ""]), encoding="utf-8")
    fresh.replace(paths.ROCM)


def known(pins: Pins, name: str) -> Pin:
    """The pin of file `name`. Raises ToolError if there is none, or none with a hash."""
    pin = pins.wheels.get(name)
    if pin is None or pin.sha256 is None:
        what = "no pin" if pin is None else "no sha256"
        raise ToolError(
            f"{paths.shown(paths.ROCM)} has {what} for {name}",
            f"run `python dev.py pin rocm {recipes.shared_pins()['rocm']}` where AMD's index can be"
            " reached",
        )
    return pin
