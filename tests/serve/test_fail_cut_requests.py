"""Expiry of vllm_gfx.engine.fail_cut_requests, on a server's engine client without an engine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import vllm.entrypoints.launchers.launcher  # noqa: F401 - what tells the shim that this serves
from vllm.v1.engine.async_llm import AsyncLLM
from vllm_gfx.engine import fail_cut_requests

from tests.support import fresh


class _Requests:
    def __init__(self) -> None:
        self.told: list[Exception] = []

    def propagate_error(self, error: Exception) -> None:
        self.told.append(error)


async def _shut_down() -> list[Exception]:
    """Shut down as the server does, from another thread: what its requests were told."""
    client: Any = AsyncLLM.__new__(AsyncLLM)
    client.output_processor = _Requests()
    client.output_handler = asyncio.create_task(asyncio.sleep(60))
    await asyncio.get_running_loop().run_in_executor(None, client.shutdown)
    with pytest.raises(asyncio.CancelledError):
        await client.output_handler
    told: list[Exception] = client.output_processor.told
    return told


def upstreams_own() -> None:
    assert not hasattr(AsyncLLM.shutdown, "__wrapped__"), "already replaced"
    assert fail_cut_requests.needed()
    assert asyncio.run(_shut_down()) == []


def test_still_needed() -> None:
    """When this fails, upstream tells its requests: delete the shim."""
    fresh.run(upstreams_own)


def test_installed_it_tells_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AsyncLLM, "shutdown", AsyncLLM.shutdown)  # put back afterwards
    fail_cut_requests.install()
    # The client says so again when it is collected.
    assert {str(error) for error in asyncio.run(_shut_down())} == {fail_cut_requests.MESSAGE}
