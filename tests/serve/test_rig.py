"""What the tests of servers rely on: ports that stay free, and no proxy on the way."""

from __future__ import annotations

import socket
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from tools.free_port import free_port

NOBODY = "http://127.0.0.1:9"  # discard: a proxy that answers nothing


def _given() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def test_linux_gives_no_such_port_to_others() -> None:
    ours = [free_port() for _ in range(200)]
    assert max(ours) < min(_given() for _ in range(200))
    assert len(set(ours)) > 150, "two tests that ask at once get different ones"


@pytest.fixture
def address() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", free_port()), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_of_this_machine_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, address: str, name: str
) -> None:
    monkeypatch.setenv(name, NOBODY)
    for host in (address, address.replace("127.0.0.1", "localhost")):
        assert httpx.get(f"http://{host}").status_code == 200
        with urllib.request.urlopen(f"http://{host}") as answer:
            assert answer.status == 200
