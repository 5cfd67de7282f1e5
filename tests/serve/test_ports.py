"""Whether a port can be listened on, before the model loads and when the server listens.

Windows' side is simulated, with Microsoft's table of what a second bind says.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from vllm_gfx import ports
from vllm_gfx.engine import listening_socket
from vllm_gfx.refusal import Refusal

from tests.support.windows_ports import DEFAULT, EXCLUSIVE, REUSE, Windows
from tools.free_port import free_port

PORT = 8000
HERE = ports.LOOPBACK
ELSEWHERE = "192.168.1.5"
NETSH = "netsh interface ipv4 show excludedportrange protocol=tcp"


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Windows:
    simulated = Windows()
    monkeypatch.setattr(ports, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setattr(ports, "socket", simulated.module())
    return simulated


def _listen(host: str) -> None:
    """As the server does, after the model has loaded."""
    listening_socket.create_server_socket((host, PORT), reuse_port=False).close()


def _check(host: str) -> None:
    ports.check(host, str(PORT))


@pytest.fixture(params=[_check, _listen])
def ask(request: pytest.FixtureRequest) -> object:
    return request.param


@pytest.mark.parametrize("option", [DEFAULT, REUSE, EXCLUSIVE])
@pytest.mark.parametrize(("theirs", "ours"), [
    ("0.0.0.0", HERE), (HERE, HERE), ("0.0.0.0", "0.0.0.0"), (HERE, "0.0.0.0"), (HERE, ""),
    ("::", "::1"), ("::1", "::"),
])  # fmt: skip
def test_a_port_of_another_program(windows, ask, option: int, theirs: str, ours: str) -> None:
    """Beside all addresses, one of them could be bound: then either program might answer."""
    other = windows.other(theirs, PORT, option)
    with pytest.raises(Refusal, match=f"port {PORT} of .* is in use.*--port NUMBER") as said:
        ask(ours)
    assert "\n" not in str(said.value)
    assert windows.bound == [other] and not windows.listened


@pytest.mark.parametrize("option", [DEFAULT, REUSE, EXCLUSIVE])
def test_another_address_of_this_machine_does_not_matter(windows, ask, option: int) -> None:
    other = windows.other(ELSEWHERE, PORT, option)
    ask(HERE)
    assert windows.bound == [other]


def test_a_free_port_is_asked_for_without_the_firewalls_question(windows, ask) -> None:
    ask("0.0.0.0")
    assert not windows.bound and not windows.listened


@pytest.mark.parametrize("host", [HERE, "0.0.0.0"])
def test_a_port_that_windows_keeps(windows, ask, host: str) -> None:
    """Hyper-V and WinNAT take ranges of hundreds, others at each start of Windows."""
    windows.reserved.add(PORT)
    with pytest.raises(Refusal, match="in use or reserved by Windows") as said:
        ask(host)
    assert "--port NUMBER" in str(said.value) and NETSH in str(said.value)
    assert not windows.bound


def test_ours_shares_with_nobody(windows) -> None:
    with listening_socket.create_server_socket((HERE, PORT), reuse_port=False):
        for option in (DEFAULT, REUSE, EXCLUSIVE):
            with pytest.raises(OSError):
                windows.other(HERE, PORT, option)


def test_a_privileged_port_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(one: socket.socket, address: tuple[str, int]) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(socket.socket, "bind", denied)
    with pytest.raises(Refusal, match=r"port 80 of .* privileged programs; .* 1024"):
        ports.check(HERE, "80")


@pytest.fixture
def ended() -> Iterator[int]:
    """A port on which a server was, whose last connection the system remembers for a while."""
    port = free_port()
    with socket.socket() as server, socket.socket() as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((HERE, port))
        server.listen()
        client.connect((HERE, port))
        server.accept()[0].close()
    yield port


def test_a_server_may_follow_another_at_once_on_linux(ended: int) -> None:
    with socket.socket() as plain, pytest.raises(OSError):
        plain.bind((HERE, ended))  # or this test proves nothing
    ports.check(HERE, str(ended))


def test_on_linux_a_port_that_is_listened_on_is_in_use() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((HERE, 0))
        other.listen()
        with pytest.raises(Refusal, match="is in use"):
            ports.check(HERE, str(other.getsockname()[1]))
