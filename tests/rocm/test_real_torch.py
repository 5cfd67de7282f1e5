"""PyTorch's own wheels, for Linux and for Windows, through the code that unpacks AMD's."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

import pytest

from recipes.repack import Layout, OpenedWheel, unpack
from tools.standin import lockfile, pip, platforms


@pytest.mark.parametrize(("name", "scripts"), [("linux-64", "bin"), ("win-64", "Scripts")])
def test_every_file_arrives(name: str, scripts: str, tmp_path: Path) -> None:
    platform = platforms.get(name)
    pin = next(pin for pin in lockfile.read(platform) if pin.name == "torch")
    wheel = pip.fetch([pin], platform, print)[pin.sha256]
    layout = Layout(tmp_path / "prefix", platform.site_packages, scripts)
    with OpenedWheel(wheel) as opened:
        unpack(opened, layout)
        members, record = opened.members, f"{opened.dist_info}/RECORD"
        wanted = {m: layout.destination(opened, m) for m in members if m != record}
    site = layout.prefix / layout.site
    assert len(wanted) > 10_000
    for member, path in wanted.items():
        if not path.endswith("/INSTALLER"):
            assert (layout.prefix / path).stat().st_size == members[member].file_size, member
    assert (site / record).is_file() and (site / "torch/version.py").is_file()
    largest = max(wanted, key=lambda member: members[member].file_size)
    with zipfile.ZipFile(wheel) as archive, archive.open(largest) as source:
        theirs = hashlib.file_digest(source, "sha256").digest()  # type: ignore[arg-type]
    with (layout.prefix / wanted[largest]).open("rb") as file:
        assert hashlib.file_digest(file, "sha256").digest() == theirs
    shutil.rmtree(layout.prefix)
