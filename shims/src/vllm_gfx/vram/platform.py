"""For a vLLM platform: asks this process's engine, if it has one, before a request is taken."""

from __future__ import annotations

from typing import Any

from vllm_gfx.vram import session


class RefusingMixin:
    """An engine in the caller's process refuses here, where nothing knows of the request yet.

    In an engine's own process `vllm_gfx.engine.refuse_when_spilled` does it.
    """

    @classmethod
    def validate_request(cls, processed_inputs: Any, params: Any) -> None:
        """Raises Spilled while memory is spilled and that is to be refused."""
        session.refuse()
        super().validate_request(processed_inputs, params)  # type: ignore[misc]
