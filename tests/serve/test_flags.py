"""What `vllm-gfx serve` adds to upstream's command line, and what it lets through."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from vllm_gfx import checkpoint, envs, serve
from vllm_gfx.refusal import Refusal

from tests.serve.server import free_port
from tests.support import tinylm

HUB = "owner/model"


@pytest.fixture(autouse=True)
def port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "PORT", str(free_port()))  # upstream's own may be in use here


def test_defaults_come_right_after_the_model() -> None:
    assert serve.prepared([HUB, "--dtype", "float32"]) == [
        HUB,
        "--host=127.0.0.1",
        "--shutdown-timeout=10",
        "--dtype",
        "float32",
    ]


@pytest.mark.parametrize(
    "flags",
    [
        ["--host", "0.0.0.0", "--shutdown-timeout", "0"],
        ["--host=0.0.0.0", "--shutdown_timeout=0"],
    ],
)
def test_a_flag_overrides_its_default(flags: list[str]) -> None:
    assert serve.prepared([HUB, *flags]) == [HUB, *flags]


def test_a_config_file_overrides_them_too(tmp_path: Path) -> None:
    config = tmp_path / "flags.yaml"
    config.write_text(f"host: 0.0.0.0\nshutdown_timeout: 3\nport: {free_port()}\nmodel: {HUB}\n")
    assert serve.prepared(["--config", str(config)]) == ["--config", str(config)]
    config.write_text("port: 99999\n")
    with pytest.raises(Refusal, match="99999"):
        serve.prepared([HUB, f"--config={config}"])
    assert serve.prepared([HUB, "--config", str(config), "--port", str(free_port())])[0] == HUB


@pytest.mark.parametrize("content", [None, "a: [", "\0"])
def test_a_config_file_that_cannot_be_read(tmp_path: Path, content: str | None) -> None:
    config = tmp_path / "flags.yaml"
    if content is not None:
        config.write_text(content)
    with pytest.raises(Refusal, match="name a YAML file"):
        serve.prepared([HUB, "--config", str(config)])


def test_the_model_may_come_as_a_flag() -> None:
    assert serve.prepared(["--model", HUB])[-2:] == ["--model", HUB]
    with pytest.raises(Refusal, match="no model folder"):
        serve.prepared(["--model=./nowhere"])


def test_a_unix_socket_needs_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "PORT", "not a port")
    assert serve.prepared([HUB, "--uds", "socket"])[-2:] == ["--uds", "socket"]


@pytest.mark.parametrize(
    "name", [HUB, "gpt2", "owner/model.v1-x", "owner/model:Q4_K_M", "s3://bucket/some/where"]
)
def test_names_that_are_not_paths_pass(name: str) -> None:
    checkpoint.check(name)


@pytest.mark.parametrize("name", ["./model", "../m", "/nowhere/m", "~/m", "a/b/c", "models/", "."])
def test_paths_are_looked_at(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refusal):
        checkpoint.check(name)


def test_only_safetensors_are_looked_into(model: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((model / "config.json").read_bytes())
    with pytest.raises(Refusal, match="no weights"):
        checkpoint.check(str(tmp_path))
    checkpoint.check(str(tmp_path), "dummy")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    checkpoint.check(str(tmp_path))


def test_a_tokenizer_may_come_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    asked = [str(tmp_path), "--load-format", "dummy"]
    with pytest.raises(Refusal, match="no tokenizer"):
        serve.prepared(asked)
    for flags in (["--tokenizer", HUB], ["--skip_tokenizer_init"]):
        assert serve.prepared([*asked, *flags])[-len(flags) :] == flags


def test_an_engine_in_process_checks_as_well(tmp_path: Path) -> None:
    given = SimpleNamespace(model=str(tmp_path))
    config = SimpleNamespace(model_config=given, load_config=SimpleNamespace(load_format="auto"))
    with pytest.raises(ValueError, match=r"holds no config\.json"):
        checkpoint.check_configured(config)
    checkpoint.check_configured(SimpleNamespace(model_config=None))


def test_the_quantisation_of_a_folder(model: Path) -> None:
    assert checkpoint.quantisation(str(model)) == ""
    assert checkpoint.quantisation(str(tinylm.copy("awq-g128"))) == "awq"
    assert checkpoint.quantisation(HUB) == ""


def test_variables_are_set_where_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in envs.DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VLLM_HOST_IP", "192.0.2.7")
    envs.set_defaults()
    expected = {name: value for name, (value, _) in envs.DEFAULTS.items()}
    found = {name: os.environ[name] for name in envs.DEFAULTS}
    assert found == {**expected, "VLLM_HOST_IP": "192.0.2.7"}
