"""What Windows' users write before a path is taken off where nothing behind us understands it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from vllm_gfx import arguments, cli

LONG = "\\\\?\\C:\\" + "m" * 300


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "sys", SimpleNamespace(platform="win32"))


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    ("given", "understood"),
    [
        (r"\\?\C:\Modelle\für Müller [1]", r"C:\Modelle\für Müller [1]"),
        (r"--tokenizer=\\?\d:\x", r"--tokenizer=d:\x"),
        (r"\\?\UNC\server\share\x", r"\\server\share\x"),
        (r"C:\x", r"C:\x"),
        (r"\\server\share", r"\\server\share"),
        (r"\\?\Volume{b75e2c83}\x", r"\\?\Volume{b75e2c83}\x"),
        (r"\\?\C:relative", r"\\?\C:relative"),
        ("owner/model", "owner/model"),
        ("--port=8000", "--port=8000"),
        (LONG, LONG),
    ],
)
def test_the_prefix_goes(given: str, understood: str) -> None:
    assert arguments.understood([given]) == [understood]


def test_elsewhere_nothing_is_a_prefix() -> None:
    assert arguments.understood([r"\\?\C:\x"]) == [r"\\?\C:\x"]


@pytest.mark.usefixtures("windows")
def test_every_command_gets_them_so(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr(cli, "COMMANDS", {"serve": (lambda argv: given.extend(argv) or 0, "")})
    monkeypatch.setattr("sys.argv", ["vllm-gfx", "serve", r"\\?\C:\x", "--port", "1"])
    with pytest.raises(SystemExit):
        cli.main()
    assert given == [r"C:\x", "--port", "1"]
