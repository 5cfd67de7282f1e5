"""VLLM_GFX_ON_SPILL=refuse: while GPU memory is spilled, an engine takes no new requests.

vLLM asks a platform about each request (`vllm_gfx.vram.platform`), but in the server's process,
which knows nothing of the engine's memory. Requests that were taken before a spill finish, slowly.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any

from vllm.logger import init_logger

from vllm_gfx import envs

APPLIES = ("win32",)
TARGET = "vllm.v1.engine.core.EngineCoreProc.preprocess_add_request"
UPSTREAM = "vllm/v1/engine/core.py, EngineCore.preprocess_add_request"
REMOVE_WHEN = "an engine asks current_platform about a request that it gets"

logger = init_logger("vllm.plugins.gfx")

_HOOK = "current_platform"


def needed() -> bool:
    """Whether this process may run an engine, is to refuse, and has no hook for it."""
    core = sys.modules.get("vllm.v1.engine.core")
    if core is None or envs.on_spill() != envs.REFUSE:
        return False
    return _HOOK not in inspect.getsource(core.EngineCore.preprocess_add_request)


def install() -> None:
    """Ask the session; in an engine's own process its refusal is one line, and an error output."""
    from vllm.v1.engine.core import EngineCoreProc

    from vllm_gfx.vram import session

    preprocess = EngineCoreProc.preprocess_add_request
    handle_error = EngineCoreProc._handle_request_preproc_error

    def preprocess_add_request(self: Any, request: Any) -> Any:
        session.refuse()
        return preprocess(self, request)

    def _handle_request_preproc_error(self: Any, request: Any) -> None:
        error = sys.exc_info()[1]  # upstream calls this from its handler
        if not isinstance(error, session.Spilled):
            handle_error(self, request)
            return
        logger.error("request %s is refused: %s", request.request_id, error)
        self._send_error_outputs_to_client([request.request_id], request.client_index)

    EngineCoreProc.preprocess_add_request = preprocess_add_request
    EngineCoreProc._handle_request_preproc_error = _handle_request_preproc_error
