"""Bad input: exit code 2, one line on stderr that says what to do, no traceback."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from vllm_gfx import cli

from tests.serve.server import command
from tools.free_port import free_port

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"


@pytest.fixture
def folder(model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model to break."""
    return Path(shutil.copytree(model, tmp_path / "model"))


def _replace(path: Path, text: str | bytes) -> None:
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def _cut(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])


def _index(folder: Path, weight_map: dict[str, str]) -> None:
    _replace(folder / INDEX, json.dumps({"weight_map": weight_map}))


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
# what was done to the folder -> words of the line
BROKEN: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no folder": (shutil.rmtree, ("no model folder", "hub name")),
    "no config": (lambda f: (f / "config.json").unlink(), ("holds no config.json", "download")),
    "config cut": (lambda f: _cut(f / "config.json", 40), ("config.json is not valid JSON",)),
    "config of bytes": (lambda f: _replace(f / "config.json", b"\xff\xfe"), ("not valid JSON",)),
    "config a list": (lambda f: _replace(f / "config.json", "[]"), ("not a JSON object",)),
    "tokenizer cut": (lambda f: _cut(f / "tokenizer.json", 99), ("tokenizer.json is not valid",)),
    "no weights": (lambda f: (f / WEIGHTS).unlink(), ("holds no weights", "*.safetensors")),
    "pointer": (lambda f: _replace(f / WEIGHTS, POINTER), ("Git LFS pointer", "git lfs pull")),
    "pointer as config": (lambda f: _replace(f / "config.json", POINTER), ("git lfs pull",)),
    "weights empty": (lambda f: _cut(f / WEIGHTS, 0), ("truncated", "0 bytes", "again")),
    "header cut": (lambda f: _cut(f / WEIGHTS, 100), ("truncated", "100 bytes", "again")),
    "weights cut": (lambda f: _cut(f / WEIGHTS, -1 + (f / WEIGHTS).stat().st_size), ("again",)),
    "weights padded": (lambda f: _append(f / WEIGHTS), ("truncated or corrupt", "again")),
    "header corrupt": (lambda f: _flip(f / WEIGHTS, 20), ("truncated or corrupt", "again")),
    "length corrupt": (lambda f: _flip(f / WEIGHTS, 6), ("truncated or corrupt", "again")),
    "index empty": (lambda f: _index(f, {}), ("names no tensors", "again")),
    "shard missing": (
        lambda f: _index(f, {"a": WEIGHTS, "b": "other.safetensors"}),
        ("lacks other.safetensors of the 2 weight files", "download the missing"),
    ),
    "tensor missing": (
        lambda f: _index(f, {"not.there": WEIGHTS}),
        (f"{WEIGHTS} lacks not.there", "download both"),
    ),
}


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)


Refused = Callable[..., str]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs the command line in this process, up to where it would start vLLM: its one line."""

    def run(*argv: str) -> str:
        monkeypatch.setattr(sys, "argv", ["vllm-gfx", *argv])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        assert ended.value.code == 2
        assert output.out == ""
        (line,) = output.err.splitlines()
        assert "vllm" not in sys.modules, "that took seconds"
        return line

    return run


@pytest.fixture(autouse=True)
def without_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of this process may have imported it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "vllm"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("asked", ["serve", "report"])
def test_broken_folder(folder: Path, refused: Refused, how: str, asked: str) -> None:
    breaks, words = BROKEN[how]
    breaks(folder)
    line = refused(asked, str(folder))
    assert line.startswith(f"vllm-gfx {asked}: ")
    assert [word for word in (str(folder), *words) if word not in line] == []


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", WEIGHTS])
@pytest.mark.parametrize("asked", ["serve", "report"])
def test_a_file_that_another_process_has_locked(
    folder: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch, name: str, asked: str
) -> None:
    """Simulated: a lock keeps nobody else from reading on Linux. tests/windows has a real one."""
    read = Path.open

    def locked(path: Path, *how: Any, **more: Any) -> Any:
        if path == folder / name:
            raise PermissionError(errno.EACCES, "used by another process", str(path))
        return read(path, *how, **more)

    monkeypatch.setattr(Path, "open", locked)
    line = refused(asked, str(folder))
    assert f"{folder / name} cannot be read (used by another process)" in line
    assert "end the program that uses it" in line and "download" not in line


@pytest.mark.parametrize("name", ["model [1]", "what?", "*"])
def test_a_folder_whose_name_is_a_pattern(folder: Path, refused: Refused, name: str) -> None:
    """vLLM lists the weights of a folder by a pattern, which its name is part of."""
    there = folder.rename(folder.with_name(name))
    line = refused("serve", str(there))
    assert f"takes the folder {there} for a pattern" in line and "rename" in line


def test_no_tokenizer(folder: Path, refused: Refused) -> None:
    for file in folder.glob("tokenizer*"):
        file.unlink()
    line = refused("serve", str(folder))
    assert "no tokenizer" in line and "--tokenizer" in line


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_port_in_use(model: Path, refused: Refused, taken: int) -> None:
    line = refused("serve", str(model), "--port", str(taken))
    assert f"port {taken} of 127.0.0.1 is in use" in line and "--port NUMBER" in line
    assert f"{taken}" in refused("serve", str(model), f"--port={taken}", "--host", "0.0.0.0")


def test_no_free_port(model: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's own is free, but the engine's connections would find none."""
    bind, bound = socket.socket.bind, weakref.WeakSet[socket.socket]()

    def exhausted(one: socket.socket, address: tuple[str, int]) -> None:
        if address[1] == 0 and sum(other.fileno() >= 0 for other in bound) == 3:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        bind(one, address)
        bound.add(one)

    port = free_port()
    monkeypatch.setattr(socket.socket, "bind", exhausted)
    line = refused("serve", str(model), "--port", str(port))
    assert "no TCP port of 127.0.0.1 is free for the engine" in line and "wait" in line
    assert not any(one.fileno() >= 0 for one in bound), "they are given back"


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1", "80.5", "٣"])
def test_not_a_port(model: Path, refused: Refused, port: str) -> None:
    assert "from 1 to 65535" in refused("serve", str(model), f"--port={port}")


@pytest.mark.parametrize("argv", [[], ["--port", "8000"], ["--dtype", "float32"]])
@pytest.mark.parametrize("asked", ["serve", "report"])
def test_no_model(refused: Refused, asked: str, argv: list[str]) -> None:
    assert f"vllm-gfx {asked} MODEL" in refused(asked, *argv)


def test_a_flag_without_its_value(model: Path, refused: Refused) -> None:
    line = refused("serve", str(model), "--port")
    assert "--port" in line and "--help" in line


def test_a_host_that_is_not_ours(model: Path, refused: Refused) -> None:
    line = refused("serve", str(model), "--host", "192.0.2.1", "--port", str(free_port()))
    assert "cannot listen on" in line and "--host" in line


def _asked(model: Path | str) -> tuple[int, list[str]]:
    """Exit code of a real `vllm-gfx serve`, without a network, and its lines on stderr."""
    argv = [command(), "serve", str(model), "--port", str(free_port())]
    env = {**os.environ, "HF_HUB_OFFLINE": "1"}
    ended = subprocess.run(argv, capture_output=True, text=True, env=env)
    return ended.returncode, ended.stderr.splitlines()


def test_really_ends_so(folder: Path) -> None:
    _cut(folder / WEIGHTS, 1000)
    code, lines = _asked(folder)
    assert code == 2 and len(lines) == 1 and "truncated" in lines[0]


@pytest.mark.parametrize(
    "quantised",
    [
        {"quant_method": "bitsandbytes", "load_in_4bit": True},
        {"quant_method": "gptq", "bits": 3, "group_size": 128, "desc_act": False, "sym": True},
    ],
    ids=lambda config: config["quant_method"],
)
def test_quantisation_that_is_not_served(folder: Path, quantised: dict[str, Any]) -> None:
    config = json.loads((folder / "config.json").read_text())
    _replace(folder / "config.json", json.dumps({**config, "quantization_config": quantised}))
    code, lines = _asked(folder)
    assert code == 2, lines
    (line,) = lines
    name = quantised["quant_method"]
    assert name in line.lower() and "it serves 4-bit GPTQ" in line and "Use such a copy" in line


def test_a_hub_name_that_cannot_be_fetched() -> None:
    code, (line,) = _asked("nobody/nothing")
    assert code == 2
    assert "cannot get nobody/nothing" in line and "folder of a whole checkpoint" in line
