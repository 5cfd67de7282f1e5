"""The targets: `variants/<target>.yaml`, read and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tools import paths
from tools.errors import ToolError

REFERENCE = "cpu"
# What a solver must see for a target that is for one platform only.
SYSTEMS: dict[tuple[str, ...], str] = {("linux-64",): "__linux", ("win-64",): "__win"}
One = Field(min_length=1, max_length=1)  # rattler-build variant files hold lists


def install_command(target: str | None, *flags: str) -> str:
    """What a user types to install `target`, for messages."""
    named = ["--target", target] if target not in (None, REFERENCE) else []
    return " ".join(["python dev.py install", *named, *flags])


class Variant(BaseModel):
    """One variant file; what the keys mean is said in the files themselves."""

    model_config = ConfigDict(extra="forbid", strict=True)

    gfx_target: Annotated[list[Annotated[str, Field(pattern=r"^(cpu|gfx[0-9a-f]{3,4})$")]], One]
    isa: Annotated[list[Annotated[str, Field(pattern=r"^(0|\d+\.\d+\.\d+)$")]], One]
    rocm_family: Annotated[list[str], One]
    wave_size: Annotated[list[Literal["1", "32", "64"]], One]
    matrix_op: Annotated[list[Literal["none", "dot2", "wmma", "mfma"]], One]
    fp8: Annotated[list[Literal["none", "ocp", "fnuz"]], One]
    triton_as: Annotated[list[Annotated[str, Field(pattern=r"^gfx[0-9a-f]{3,4}$")]], One] | None = (
        None
    )
    integrated: Annotated[list[bool], One]
    platforms: Annotated[list[Literal["linux-64", "win-64"]], Field(min_length=1)]
    needs_system: Annotated[list[Literal["none", "__linux", "__win"]], One]
    products: Annotated[list[str], Field(min_length=1)]
    known_issues: list[str]
    tests: list[Literal["simulated", "emulated"]]

    @model_validator(mode="after")
    def _systems_agree(self) -> Self:
        """A recipe cannot ask which platforms a list names, so `needs_system` says it as a spec."""
        if [SYSTEMS.get(tuple(self.platforms), "none")] != self.needs_system:
            raise ValueError(f"needs_system {self.needs_system} is not what platforms say")
        return self

    @property
    def name(self) -> str:
        return self.gfx_target[0]

    @property
    def has_card(self) -> bool:
        """Whether an `__amdgpu_arch` exists that selects this target."""
        return self.isa[0] != "0"

    @property
    def is_automatic(self) -> bool:
        """Whether `gfx-auto` may choose this target.

        A solver is told of one GPU. Where a card sits beside a processor's own GPU that may be the
        latter: the rules are "most compute units" or "highest ISA", and such a GPU can have both.
        """
        return self.has_card and not self.integrated[0]


def read(path: Path) -> Variant:
    """The checked content of one variant file. Raises ToolError naming the first wrong key."""
    try:
        variant = Variant.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = [paths.shown(path), ".".join(str(part) for part in first["loc"])]
        raise ToolError(": ".join([*filter(None, where), first["msg"]])) from None
    if variant.name != path.stem:
        raise ToolError(f"{paths.shown(path)}: gfx_target is {variant.name!r}, not the file's name")
    return variant


def all_targets() -> dict[str, Variant]:
    """Every target by name."""
    return {path.stem: read(path) for path in sorted(paths.VARIANTS.glob("*.yaml"))}


def chosen(names: list[str] | None) -> list[Variant]:
    """The targets called `names`, all of them for none. Raises ToolError for an unknown one."""
    known = all_targets()
    for name in names or []:
        if name not in known:
            raise ToolError(f"unknown target {name!r}", f"known targets: {', '.join(known)}")
    return [known[name] for name in names] if names else list(known.values())
