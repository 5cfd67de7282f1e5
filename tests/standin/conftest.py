"""Hand-made wheels, and a small lock to make a channel from."""

import base64
import csv
import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tools.standin import lockfile, platforms
from tools.standin.pip import Pin
from tools.standin.platforms import Platform

MakeWheel = Callable[..., Path]


def build_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    tag: str = "py3-none-any",
    files: Mapping[str, bytes] | None = None,
    executable: tuple[str, ...] = (),
    headers: str = "",
    entry_points: str = "",
) -> Path:
    """A complete wheel file; `headers` are further lines of METADATA, `files` more members."""
    info, path = f"{name}-{version}.dist-info", folder / f"{name}-{version}-{tag}.whl"
    members = {f"{name}/__init__.py": b"answer = 42\n", **(files or {})}
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{headers}"
    members[f"{info}/METADATA"] = metadata.encode()
    members[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nTag: {tag}\n".encode()
    if entry_points:
        members[f"{info}/entry_points.txt"] = entry_points.encode()
    members[f"{info}/RECORD"] = _record(members, f"{info}/RECORD")
    with zipfile.ZipFile(path, "w") as archive:
        for member, contents in members.items():
            row = zipfile.ZipInfo(member, (2020, 2, 2, 2, 2, 2))
            row.external_attr = (0o100755 if member in executable else 0o100644) << 16
            archive.writestr(row, contents)
    return path


def _record(members: Mapping[str, bytes], itself: str) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    for member, contents in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(contents).digest()).rstrip(b"=")
        writer.writerow([member, f"sha256={digest.decode()}", len(contents)])
    writer.writerow([itself, "", ""])
    return out.getvalue().encode()


@pytest.fixture
def make_wheel(tmp_path: Path) -> MakeWheel:
    """`make_wheel(name, version="1.0", ...)`: a wheel file in a folder of its own."""
    folder = tmp_path / "wheels"
    folder.mkdir(exist_ok=True)
    return lambda *args, **rest: build_wheel(folder, *args, **rest)


@pytest.fixture
def linux() -> Platform:
    return platforms.get("linux-64")


@pytest.fixture
def windows() -> Platform:
    return platforms.get("win-64")


@pytest.fixture(autouse=True)
def own_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """No test sees this machine's download cache or package index, unless it asks for them."""
    if "network" not in request.keywords:
        monkeypatch.setenv("VLLM_GFX_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))


@pytest.fixture
def write_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Pin]]:
    """`write_lock(wheel, ...)` makes these wheels the locked ones; returns their pins."""
    folder = tmp_path / "lock"
    folder.mkdir()
    monkeypatch.setattr(lockfile, "FOLDER", folder)

    def write(*wheels: Path, platform: str = "linux-64") -> list[Pin]:
        pins = []
        for wheel in wheels:
            name, version = wheel.name.split("-")[:2]
            pins.append(Pin(name, version, hashlib.sha256(wheel.read_bytes()).hexdigest()))
        text = "".join(f"{pin.line()}\n" for pin in pins)
        (folder / f"{platform}.txt").write_text(f"# inputs sha256:{'0' * 64}\n{text}")
        return pins

    return write
