"""`--target auto`: all GPUs of a machine are seen, and the choice is never a guess."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import cli, gpus, variants
from tools.errors import ToolError

ALL = ", ".join(variants.all_targets())


@dataclass(frozen=True)
class Gpu:
    """As Linux tells of it, with `gfx`, or as Windows does, without."""

    name: str
    gfx: str = ""
    vendor: str = "AMD"


PHOENIX = Gpu("AMD device 0x15bf", "gfx1103")
STRIX_HALO = Gpu("AMD device 0x1586", "gfx1151")
RX_6700_XT = Gpu("AMD device 0x73df", "gfx1031")  # no target
RX_7600_XT = Gpu("AMD device 0x7480", "gfx1102")
RX_7900_XTX = Gpu("AMD device 0x744c", "gfx1100")
RX_9070 = Gpu("AMD device 0x7550", "gfx1201")
H200 = Gpu("NVIDIA device 0x2335", vendor="NVIDIA")


@pytest.mark.parametrize(
    ("seen", "target"),
    [
        ([RX_7900_XTX], "gfx1100"),
        ([STRIX_HALO], "gfx1151"),
        ([PHOENIX, RX_7600_XT], "gfx1102"),
        ([STRIX_HALO, RX_7600_XT], "gfx1102"),  # the one that py-rattler reports is the first
        ([RX_7900_XTX, STRIX_HALO], "gfx1100"),
        ([RX_6700_XT, RX_7600_XT], "gfx1102"),
        ([STRIX_HALO, H200], "gfx1151"),
        ([RX_7900_XTX, RX_7900_XTX], "gfx1100"),
        ([H200, RX_9070], "gfx1201"),
        ([Gpu("AMD Radeon(TM) Graphics"), Gpu("AMD Radeon RX 7900 XTX")], "gfx1100"),
        ([Gpu("AMD Radeon(TM) 8060S Graphics")], "gfx1151"),
        ([Gpu("AMD Radeon RX 6800 XT")], "gfx1030"),
    ],
)
def test_choice(seen: list[Gpu], target: str) -> None:
    assert gpus.choose(seen, "linux-64").name == target


@pytest.mark.parametrize(
    ("seen", "platform", "line"),
    [
        (
            [],
            "win-64",
            f"no target for win-64 fits what this machine has: no AMD GPU; name one: {ALL}",
        ),
        ([H200], "linux-64", "fits what this machine has: no AMD GPU; name one: cpu, "),
        ([PHOENIX], "linux-64", "fits what this machine has: AMD device 0x15bf gfx1103; name one:"),
        ([Gpu("Radeon VII")], "win-64", "no target for win-64 fits .*: Radeon VII; name one: cpu"),
        (
            [STRIX_HALO, RX_6700_XT],
            "linux-64",
            "^no target for linux-64 fits AMD device 0x73df gfx1031; to use the processor's own GPU"
            " name it: --target gfx1151$",
        ),
        (
            [Gpu("AMD Radeon(TM) 8060S Graphics"), Gpu("Radeon VII")],  # a target, on Linux only
            "win-64",
            "^no target for win-64 fits Radeon VII; to use .*: --target gfx1151$",
        ),
        (
            [RX_7900_XTX, RX_9070],
            "linux-64",
            "this machine has GPUs of gfx1100 and gfx1201, and an environment serves one target; "
            "name it: --target gfx1100",
        ),
    ],
)
def test_refusal(seen: list[Gpu], platform: str, line: str) -> None:
    with pytest.raises(ToolError, match=line) as refused:
        gpus.choose(seen, platform)
    assert "\n" not in str(refused.value)


def test_every_product_is_known_by_the_name_that_windows_gives_it() -> None:
    for target, variant in variants.all_targets().items():
        for product in variant.products if variant.has_card else []:
            model = product.partition("(")[2].rstrip(")") or product
            platform = variant.platforms[0]
            assert gpus.choose([Gpu(f"AMD {model}")], platform).name == target


def test_the_card_is_found_in_what_linux_lists(tmp_path: Path) -> None:
    nodes = {"1": (110501, 0x100), "2": (110002, 0x300)}
    for node, (version, place) in nodes.items():
        folder = tmp_path / "class/kfd/kfd/topology/nodes" / node
        folder.mkdir(parents=True)
        text = f"gfx_target_version {version}\nlocation_id {place}\ndomain 0\n"
        (folder / "properties").write_text(text)
    found = gpus._module().found(tmp_path)
    assert gpus.choose(found, "linux-64").name == "gfx1102"


def test_the_command_line_asks_the_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str | None] = []
    monkeypatch.setattr(gpus, "_module", lambda: SimpleNamespace(found=lambda: [RX_7900_XTX]))
    monkeypatch.setattr("tools.run.doctor", lambda target, arguments: asked.append(target))
    for arguments in (["--target", "auto"], ["--target", "cpu"], []):
        monkeypatch.setattr(sys, "argv", ["tools", "doctor", *arguments])
        assert cli.run() == 0
    assert asked == ["gfx1100", "cpu", None]
    assert capsys.readouterr().err == "target: gfx1100\n"


@pytest.mark.parametrize("name", ["install", "smoke", "serve", "doctor"])
def test_a_machine_without_a_card_is_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpus, "_module", lambda: SimpleNamespace(found=list))
    monkeypatch.setattr(sys, "argv", ["tools", name, "--target", "auto"])
    assert cli.run() == 1
    (line,) = " ".join(capsys.readouterr().err.split()).splitlines()
    assert line.startswith("error: no target for ") and line.endswith(f"name one: {ALL}")
