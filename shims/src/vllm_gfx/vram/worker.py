"""For a vLLM worker: watches the memory of the process that it runs in."""

from __future__ import annotations

from typing import Any

import psutil
import torch

from vllm_gfx.vram import session

_PINNED = "allocated_bytes.current"


class WatchMixin:
    """From before the model is loaded until the worker ends; on Linux it asks torch nothing."""

    vllm_config: Any
    _session: session.Session | None = None

    def load_model(self, *args: Any, **kwargs: Any) -> None:
        """Load as the worker does. Raises Refusal for what VLLM_GFX_ON_SPILL cannot mean here."""
        self._session = session.begin(self.vllm_config, _total)
        super().load_model(*args, **kwargs)  # type: ignore[misc]

    def compile_or_warm_up_model(self) -> Any:
        """The last step of a start: graphs are captured. Raises Refusal for a spill, if asked."""
        found = super().compile_or_warm_up_model()  # type: ignore[misc]
        session.started(_pinned)
        return found

    def shutdown(self) -> None:
        """End with the worker; a later engine of this process has a session of its own."""
        session.end(self._session)
        super().shutdown()  # type: ignore[misc]


def _total() -> int:
    """Bytes of the device: without a GPU, of the machine."""
    if not torch.cuda.is_available():
        return int(psutil.virtual_memory().total)
    return int(torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory)


def _pinned() -> int:
    """Bytes of system memory that PyTorch holds for copies to the GPU: no spill."""
    return int(torch.cuda.host_memory_stats().get(_PINNED, 0))
