"""Wheels whose packages lack something: on the platforms that cannot have it, and no longer."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.standin.test_convert import check_record, made
from tools.errors import ToolError
from tools.standin import lockfile, pip, platforms, trimmed
from tools.standin.platforms import Platform

MakeWheel = Callable[..., Path]
META = "torchvision/_meta_registrations.py"
FILES = {
    META: b'@torch.library.register_fake("torchvision::nms")\ndef f(): ...\n',
    "torchvision/_C.so": b"\x7fELF",
    "torchvision/image.so": b"\x7fELF",
    "torchvision.libs/libcudart.so.13": b"\x7fELF",
}
TAGS = {"linux-64": "cp311-cp311-manylinux_2_28_x86_64", "win-64": "cp311-cp311-win_amd64"}


@pytest.fixture
def wheels(make_wheel: MakeWheel) -> dict[str, Path]:
    return {p: make_wheel("torchvision", tag=tag, files=FILES) for p, tag in TAGS.items()}


def test_what_cannot_load_is_left_out(
    wheels: dict[str, Path], tmp_path: Path, linux: Platform
) -> None:
    package = made(wheels["linux-64"], tmp_path / "out", linux)
    assert not [path for path in package.files if ".so" in path]
    assert package.files[f"site-packages/{META}"] == b'@register_meta("nms")\ndef f(): ...\n'
    check_record(package)


def test_other_platforms_and_wheels_are_whole(
    wheels: dict[str, Path], make_wheel: MakeWheel, tmp_path: Path, linux: Platform
) -> None:
    packages = [
        made(wheels["win-64"], tmp_path / "windows", platforms.get("win-64")),
        made(make_wheel("other", files=FILES), tmp_path / "other", linux),
    ]
    for package in packages:
        assert {f"site-packages/{path}": text for path, text in FILES.items()}.items() <= (
            package.files.items()
        )


def test_a_text_that_is_gone_is_named() -> None:
    with pytest.raises(ToolError, match=r"_meta_registrations\.py has no 'old'; see trimmed\.yaml"):
        trimmed.replaced(META, b"new", {"old": "new"})


@pytest.mark.network
def test_the_locked_wheel_still_needs_cuda(linux: Platform) -> None:
    """Red when the row of trimmed.yaml can go: the wheel is a CPU build, or copes by itself."""
    pins = [pin for pin in lockfile.read(linux) if pin.name == "torchvision"]
    (file,) = pip.fetch(pins, linux, print).values()
    with zipfile.ZipFile(file) as wheel:
        assert b"libtorch_cuda.so" in wheel.read("torchvision/_C.so")
        assert b'@torch.library.register_fake("torchvision::nms")' in wheel.read(META)


@pytest.mark.parametrize("platform", ["linux-64", "win-64"])
def test_torchvision_pairs_with_torch(platform: str) -> None:
    pins = {pin.name: pin.version for pin in lockfile.read(platforms.get(platform))}
    assert pins["torchvision"].split("+")[0] == platforms.pins()["torchvision"]
