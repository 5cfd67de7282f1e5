"""The flags with which `vllm-gfx serve` does not answer plain HTTP at its host and port.

That is where `vllm-gfx replicas` asks each of its servers; of one that is elsewhere it would wait
for ever until that is ready.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vllm_gfx.refusal import Refusal

WITH_VALUE = (
    "ssl-ca-certs",
    "ssl-cert-reqs",
    "ssl-certfile",
    "ssl-ciphers",
    "ssl-keyfile",
    "uds",
)
SWITCHES = ("enable-ssl-refresh", "grpc", "headless")
_TLS = "leave it out, and put a program that speaks TLS, such as nginx, before the one address"
_ADDRESS = "leave it out; clients ask the one address, which --host and --port set"


def check(given: Mapping[str, str], argv: Sequence[str]) -> None:
    """Raise Refusal if `given`, flags by name, holds one of them, or `argv` the beginning of one.

    Upstream takes a flag's beginning for the flag. None of its flags begins one of these.
    """
    begun = [arg.partition("=")[0].replace("_", "-") for arg in argv if arg.startswith("--")]
    for name in (*WITH_VALUE, *SWITCHES):
        if name in given or any(f"--{name}".startswith(arg) for arg in begun if arg != "--"):
            what = f"--{name}: replicas are asked by plain HTTP over TCP"
            raise Refusal(what, _TLS if "ssl" in name else _ADDRESS)
