"""What `vllm-gfx serve` adds to upstream's command line, and what it lets through."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from vllm import EngineArgs
from vllm.utils.argparse_utils import FlexibleArgumentParser
from vllm_gfx import checkpoint, envs, preflight, serve, serve_hosts
from vllm_gfx.refusal import Refusal

from tests.support import tinylm
from tools.free_port import free_port

HUB = "owner/model"


@pytest.fixture(autouse=True)
def port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "PORT", str(free_port()))  # upstream's own may be in use here


def _prepared(argv: list[str]) -> list[str]:
    return serve.prepared(argv, serve.settings(argv))


def test_defaults_come_right_after_the_model() -> None:
    assert _prepared([HUB, "--dtype", "float32"]) == [
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
    assert _prepared([HUB, *flags]) == [HUB, *flags]


def test_a_config_file_overrides_them_too(tmp_path: Path) -> None:
    config = tmp_path / "flags.yaml"
    config.write_text(f"host: 0.0.0.0\nshutdown_timeout: 3\nport: {free_port()}\nmodel: {HUB}\n")
    assert _prepared(["--config", str(config)]) == ["--config", str(config)]
    config.write_text("port: 99999\n")
    with pytest.raises(Refusal, match="99999"):
        _prepared([HUB, f"--config={config}"])
    assert _prepared([HUB, "--config", str(config), "--port", str(free_port())])[0] == HUB


def _taken() -> None:
    raise OSError(errno.EADDRINUSE, "in use")


def test_a_port_of_a_config_file_that_another_takes_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names that port, and the file was read once."""
    config = tmp_path / "flags.yaml"
    config.write_text(f"port: {(port := free_port())}\n")
    reads = Mock(wraps=serve._config_file)
    monkeypatch.setattr(serve, "_config_file", reads)
    monkeypatch.setattr(preflight, "check_machine", lambda: None)
    monkeypatch.setattr("vllm.entrypoints.cli.main.main", _taken)
    monkeypatch.setattr(sys, "argv", sys.argv)  # `run` sets it
    with pytest.raises(Refusal, match=f"port {port} of 127.0.0.1 is in use"):
        serve.run([HUB, "--config", str(config)])
    reads.assert_called_once_with(config)


@pytest.mark.parametrize("content", [None, "a: [", "\0"])
def test_a_config_file_that_cannot_be_read(tmp_path: Path, content: str | None) -> None:
    config = tmp_path / "flags.yaml"
    if content is not None:
        config.write_text(content)
    with pytest.raises(Refusal, match="name a YAML file"):
        _prepared([HUB, "--config", str(config)])


def test_the_model_may_come_as_a_flag() -> None:
    assert _prepared(["--model", HUB])[-2:] == ["--model", HUB]
    with pytest.raises(Refusal, match="no model folder"):
        _prepared(["--model=./nowhere"])


def test_a_unix_socket_needs_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "PORT", "not a port")
    assert _prepared([HUB, "--uds", "socket"])[-2:] == ["--uds", "socket"]


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
        _prepared(asked)
    for flags in (["--tokenizer", HUB], ["--skip_tokenizer_init"]):
        assert _prepared([*asked, *flags])[-len(flags) :] == flags


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


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the variables is set; what is set meanwhile is taken back."""
    for name in envs.DEFAULTS:
        monkeypatch.setenv(name, "")  # `delenv` of what is unset would take back nothing
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("nothing_set")
def test_variables_are_set_where_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_HOST_IP", "192.0.2.7")
    envs.set_defaults()
    expected = {name: value for name, (value, _) in envs.DEFAULTS.items()}
    found = {name: os.environ[name] for name in envs.DEFAULTS}
    assert found == {**expected, "VLLM_HOST_IP": "192.0.2.7"}


def _host_ip(monkeypatch: pytest.MonkeyPatch, *argv: str) -> str | None:
    """This process's address as `vllm-gfx serve` leaves it for upstream."""
    monkeypatch.setattr(preflight, "check_machine", lambda: None)
    monkeypatch.setattr(sys, "argv", sys.argv)  # `run` sets it
    found: list[str | None] = []
    monkeypatch.setattr(serve, "_upstream", lambda _: found.append(os.environ.get("VLLM_HOST_IP")))
    serve.run([HUB, *argv])
    return found[0]


SEVERAL_HOSTS = (
    ["--nnodes", "2", "--node-rank", "1"],
    ["-n", "2"],
    ["--data-parallel-backend=ray"],
    ["-dp", "2", "-dpb", "ray"],
    ["--data_parallel_address", "192.0.2.1"],
    ["--master-addr", "192.0.2.1"],
    ["--distributed-executor-backend", "ray"],
    ["--distributed_executor_backend=external_launcher"],
    ["--kv-transfer-config.kv_role", "kv_both"],
)
ONE_HOST: tuple[list[str], ...] = (
    [],
    ["--nnodes", "1", "--distributed-executor-backend", "mp", "-dpb=mp", "-dp", "2"],
    ["--data-parallel-address=127.0.0.1"],
)


@pytest.mark.usefixtures("nothing_set")
@pytest.mark.parametrize("flags", SEVERAL_HOSTS)
def test_other_hosts_are_not_told_of_loopback(
    flags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _host_ip(monkeypatch, *flags) is None
    assert os.environ["VLLM_NO_USAGE_STATS"] == "1"


@pytest.mark.usefixtures("nothing_set")
@pytest.mark.parametrize("flags", ONE_HOST)
def test_one_host_needs_no_network(flags: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert _host_ip(monkeypatch, *flags) == "127.0.0.1"


@pytest.mark.usefixtures("nothing_set")
def test_a_config_file_may_ask_for_other_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "flags.yaml"
    config.write_text("nnodes: 2\n")
    assert _host_ip(monkeypatch, "--config", str(config)) is None


def test_the_flags_for_other_hosts_are_upstreams() -> None:
    parser = EngineArgs.add_cli_args(FlexibleArgumentParser())
    long = {name: parser._option_string_actions[f"--{name}"] for name in serve_hosts.ALONE}
    for short, name in serve_hosts.SHORT.items():
        assert parser._option_string_actions[short] is long[name.removeprefix("--")]
