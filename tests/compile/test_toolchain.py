"""One compiler, whoever names it."""

from __future__ import annotations

import re

import yaml
from gfx_compile import toolchain

from tools import paths
from tools.standin import lockfile, platforms


def test_everyone_names_the_same_version() -> None:
    row = toolchain.table()["amd"]
    name, version = row["distribution"], row["version"]
    pins = yaml.safe_load(paths.PINS.read_text("utf-8"))
    assert pins[row["binary"]] == [version]
    requirements = (paths.ROOT / "tools" / "requirements.txt").read_text("utf-8")
    assert re.findall(rf"^{name}==([\w.]+)", requirements, re.MULTILINE) == [version]
    locked = {pin.name: pin.version for pin in lockfile.read(platforms.get("linux-64"))}
    assert locked[name] == version


def test_the_flags_promise_what_the_project_promises() -> None:
    flags = set(toolchain.amd().steps["assembly"])
    assert {"-Werror", "-Wall", "-mcode-object-version=5", "-Qn"} <= flags
