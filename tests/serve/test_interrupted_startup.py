"""Expiry of vllm_gfx.engine.interrupted_startup."""

from __future__ import annotations

import pytest
import zmq
from vllm.utils import network_utils
from vllm.v1.engine import utils
from vllm_gfx.engine import interrupted_startup

from tests.support import fresh


def _interrupt() -> None:
    with utils.zmq_socket_ctx("inproc://test", zmq.PULL):
        raise KeyboardInterrupt


def upstreams_own() -> None:
    assert utils.zmq_socket_ctx.__module__ == network_utils.__name__, "already replaced"
    assert interrupted_startup.needed()
    _interrupt()


def test_still_needed() -> None:
    """When this fails, upstream no longer swallows it: delete the shim."""
    fresh.run(upstreams_own)


def test_installed_it_gets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (utils, network_utils):
        monkeypatch.setattr(module, "zmq_socket_ctx", module.zmq_socket_ctx)  # put back afterwards
    interrupted_startup.install()
    with pytest.raises(KeyboardInterrupt):
        _interrupt()
    with network_utils.zmq_socket_ctx("inproc://test", zmq.PULL) as socket:
        assert not socket.closed
    assert socket.closed
