"""What vLLM does while an engine's process starts, asked without an engine."""

from __future__ import annotations

import multiprocessing
import sys
from types import SimpleNamespace
from typing import Any
from unittest import mock


def dead_engine() -> dict[str, Any]:
    """What waiting for an engine gives whose process ends, and what was polled."""
    import zmq
    from vllm.v1.engine import utils

    process = multiprocessing.get_context("spawn").Process(target=sys.exit, args=(3,))
    process.start()
    manager = object.__new__(utils.CoreEngineProcManager)
    manager.processes = [process]
    launch = utils.CoreEngineLaunch(manager, None, SimpleNamespace(), None)
    parallel = SimpleNamespace(
        data_parallel_size_local=1, data_parallel_hybrid_lb=False, data_parallel_external_lb=False
    )
    polled: list[str] = []
    register = zmq.Poller.register

    def noted(self: Any, what: Any, flags: int) -> None:
        polled.append(type(what).__name__)
        register(self, what, flags)

    with (
        mock.patch.object(zmq.Poller, "register", noted),
        zmq.Context() as context,
        context.socket(zmq.ROUTER) as handshake,
    ):
        handshake.bind("inproc://handshake")
        engines = [utils.CoreEngine(index=0, local=True)]
        try:
            utils.wait_for_engine_startup(handshake, engines, parallel, False, None, launch)
            error = ""
        except RuntimeError as raised:
            error = str(raised)
    return {"error": error, "polled": polled}


def addresses() -> list[str]:
    """Where the processes of one machine meet: engine, client, and a socket that is bound there."""
    import zmq
    from vllm.utils import network_utils
    from vllm.v1 import utils

    chosen = [network_utils.get_open_zmq_ipc_path(), utils.get_engine_client_zmq_addr(True, "h", 1)]
    with zmq.Context() as context:
        bound = network_utils.make_zmq_socket(context, chosen[0], zmq.ROUTER, bind=True)
        chosen.append(bound.getsockopt(zmq.LAST_ENDPOINT).decode())
        bound.close(linger=0)
    return chosen
