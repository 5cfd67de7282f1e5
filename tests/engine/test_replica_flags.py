"""Flags that `vllm-gfx replicas` does not pass on: with them it would never reach its servers."""

from __future__ import annotations

from pathlib import Path

import pytest
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser
from vllm_gfx import serve_address
from vllm_gfx.parallel import replicas
from vllm_gfx.refusal import Refusal

NOTHING_STARTS = ("owner/model", "--count", "0")  # refused too, but later
CERTIFICATES = "put a program that speaks TLS"
ADDRESS = "clients ask the one address"


@pytest.mark.parametrize(
    ("flags", "what", "remedy"),
    [
        (["--ssl-keyfile", "key.pem"], "--ssl-keyfile: ", CERTIFICATES),
        (["--ssl_certfile=cert.pem"], "--ssl-certfile: ", CERTIFICATES),
        (["--uds", "socket"], "--uds: ", ADDRESS),
        (["--grpc"], "--grpc: ", ADDRESS),
        (["--headless"], "--headless: ", ADDRESS),
        (["--headl"], "--headless: ", ADDRESS),
        (["--ssl_keyf=key.pem"], "--ssl-keyfile: ", CERTIFICATES),
    ],
)
def test_what_replicas_cannot_be_asked_by(flags: list[str], what: str, remedy: str) -> None:
    with pytest.raises(Refusal, match=f"{what}replicas are asked by plain HTTP.*; .*{remedy}"):
        replicas.main([*NOTHING_STARTS, *flags])


@pytest.mark.parametrize("line", ["ssl_keyfile: key.pem", "uds: socket", "headless: true"])
def test_a_config_file_that_says_so(line: str, tmp_path: Path) -> None:
    config = tmp_path / "flags.yaml"
    config.write_text(f"{line}\n")
    with pytest.raises(Refusal, match="replicas are asked by plain HTTP"):
        replicas.main([*NOTHING_STARTS, "--config", str(config)])


def test_what_a_config_file_switches_off_is_not_there(tmp_path: Path) -> None:
    config = tmp_path / "flags.yaml"
    config.write_text("headless: false\ngrpc: false\n")
    with pytest.raises(Refusal, match="--count"):
        replicas.main([*NOTHING_STARTS, "--config", str(config)])


def test_the_flags_are_upstreams() -> None:
    upstream = make_arg_parser(FlexibleArgumentParser())._option_string_actions
    for names, valued in ((serve_address.WITH_VALUE, True), (serve_address.SWITCHES, False)):
        assert {upstream[f"--{name}"].nargs != 0 for name in names} == {valued}
    ours = {f"--{name}" for name in (*serve_address.WITH_VALUE, *serve_address.SWITCHES)}
    begin = {name for name in upstream if any(flag.startswith(name) for flag in ours)}
    assert begin <= {*ours, "-", "--"}
    secure = {name for name in upstream if "ssl" in name and not name.startswith("--no-")}
    assert {name.replace("_", "-") for name in secure} <= ours
