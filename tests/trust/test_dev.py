"""dev.py makes its .venv from a bundle where there is no network."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import dev
from tools import paths
from tools.bundle import pack, wheels
from tools.standin import pip

CODE = """
import sys
from pathlib import Path
import dev
from tests.trust.refuse import refuse_network

root, bundle = map(Path, sys.argv[1:])
for name in ("VENV", "RETIRED", "STAMP", "PYTHON", "REQUIREMENTS", "WHEELS"):
    setattr(dev, name, root / getattr(dev, name).relative_to(dev.ROOT))
dev.ROOT = root
dev.run = lambda arguments: print(arguments) or 0
refuse_network()
sys.exit(dev.main(["install", str(bundle)]))
"""


def wheel(folder: Path) -> Path:
    """The smallest wheel: a module `lent`."""
    info = "lent-1.0.dist-info"
    files = {
        "lent.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: lent\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    target = folder / "lent-1.0-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return target


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout of which only the requirements matter."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "requirements.txt").write_text("lent==1.0\n")
    return tmp_path


@pytest.fixture
def file(root: Path) -> Path:
    given = wheel(root)
    digest = hashlib.sha256(given.read_bytes()).hexdigest()
    items = [pack.made("bundle.json", b"{}"), pack.Item(f"wheels/{given.name}", digest, file=given)]
    pack._archive(root / "some.tar", items, print)
    return root / "some.tar"


def run(root: Path, file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", CODE, str(root), str(file)]
    return subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True)


@pytest.mark.skipif(sys.platform != "linux", reason="a filter of Linux's kernel")
def test_the_wheels_of_the_bundle_are_enough(root: Path, file: Path) -> None:
    done = run(root, file)
    assert done.returncode == 0, done.stderr
    python = root / dev.PYTHON.relative_to(dev.ROOT)
    subprocess.run([python, "-c", "import lent"], check=True)
    assert not (root / ".venv.wheels").exists()


def test_a_damaged_wheel_is_one_line(root: Path, file: Path) -> None:
    content = file.read_bytes()
    at = content.index(b"lent.py")
    file.write_bytes(content[:at] + b"L" + content[at + 1 :])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dev, "WHEELS", root / ".venv.wheels")
        with pytest.raises(ValueError, match=r"wheels/lent-1.0-py3-none-any.whl is damaged"):
            dev.unpack_wheels(file)


def test_only_install_takes_a_bundle(file: Path, root: Path) -> None:
    assert dev.bundle_in(["install", "--fresh", str(file)]) == file
    assert dev.bundle_in(["verify", str(file)]) is None and dev.bundle_in([]) is None
    assert dev.bundle_in(["install", str(root / "tools" / "requirements.txt")]) is None


@pytest.mark.network
@pytest.mark.parametrize("platform", ["linux-64", "win-64"])
def test_every_pin_is_asked_for(
    platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the platform that the bundle is for, not for the one that writes it."""
    asked: list[str] = []

    def download(lines: list[str], folder: Path, target: object, **_: object) -> None:
        asked.extend(lines)
        (folder / "b.whl").touch()
        (folder / "a.whl").touch()

    monkeypatch.setattr(pip, "download", download)
    found = wheels.fetch(platform, tmp_path / "wheels", print)
    assert [w.name for w in found] == ["a.whl", "b.whl"]
    names = {line.partition("==")[0].partition("[")[0] for line in asked}
    assert {"py-rattler", "typer", "filelock", "pip"} <= names
    assert ("colorama" in names) == (platform == "win-64")
