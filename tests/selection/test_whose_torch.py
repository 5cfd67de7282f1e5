"""What dev.py installs and bundles: AMD's torch for a card, never for cpu."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.selection import rendered
from tools import build, paths, solve
from tools.bundle import pack
from tools.errors import ToolError
from tools.rocm import torch
from tools.variants import chosen

# Names that AMD's packages take over.
SHARED = ("pytorch", "torchvision", "triton", "triton-windows")


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Channels with the ROCm packages for one Python each; the stand-in has 3.11 only."""
    folders = {python: tmp_path_factory.mktemp("channel") for python in ("3.11", "3.12")}
    for python, folder in folders.items():
        rendered.channel(folder, python)
    return folders


def builds(target: str | None, platform: str) -> dict[str, str]:
    specs = ["vllm", *solve.asks_for(target)]
    found = solve.records(specs, platform, channels=solve.channels_for(target))
    return {r.name.normalized: str(r.build) for r in found}


@pytest.mark.parametrize("python", ["3.11", "3.12"])
@pytest.mark.parametrize("platform", list(solve.ELSEWHERE))
@pytest.mark.parametrize("target", [None, "cpu"])
def test_cpu_has_nothing_of_amds(
    stacks: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    python: str,
    platform: str,
    target: str | None,
) -> None:
    monkeypatch.setattr(paths, "CHANNEL", stacks[python])
    found = builds(target, platform)
    assert found["gfx-target"] == "cpu_0"
    assert not [n for n in SHARED if found.get(n, "").startswith("rocm")]


@pytest.mark.parametrize("platform", list(solve.ELSEWHERE))
def test_a_card_has_amds(
    stacks: dict[str, Path], monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr(paths, "CHANNEL", stacks["3.11"])
    found = builds("gfx1100", platform)
    assert found["gfx-target"] == "gfx1100_0"
    assert all(found[name].startswith("rocm") for name in ("pytorch", "torchvision"))


@pytest.mark.parametrize("target", ["cpu", "gfx1100"])
def test_amds_for_another_python_do_not_end_a_build(
    stacks: dict[str, Path], monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.setattr(paths, "CHANNEL", stacks["3.12"])
    build._prove("win-64", chosen([target]))


@pytest.mark.parametrize("platform", list(solve.ELSEWHERE))
def test_a_bundle_for_a_card_without_amds_is_refused(platform: str) -> None:
    specs = ["vllm", *solve.asks_for("gfx1100")]
    with pytest.raises(ToolError) as error:
        pack.contents("gfx1100", platform, specs, print)
    assert str(error.value) == (
        f"the channel has no torch for gfx1100 on {platform}; run: python dev.py build --rocm"
        f" --target gfx1100 --platform {platform} --python 3.11"
    )


def test_with_amds_and_for_cpu_nothing_is_lacking(
    stacks: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert torch.lacking("cpu", "linux-64", solve.records(["vllm"])) is None
    monkeypatch.setattr(paths, "CHANNEL", stacks["3.11"])
    found = solve.records(["vllm", *solve.asks_for("gfx1100")], "linux-64")
    assert torch.lacking("gfx1100", "linux-64", found) is None
