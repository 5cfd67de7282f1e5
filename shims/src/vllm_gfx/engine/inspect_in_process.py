"""vLLM starts a whole Python process to look at a model's class, which took 11 to 18 seconds.

It does so the first time that it meets an architecture, lest importing the model initialise the
GPU: an engine could not be forked after that. With us that is decided before. On a GPU the platform
has asked torch for the card's name, so engines are spawned; those without one ask for spawn. Who
asks the cpu target for fork still gets it: importing all of vLLM's models starts no thread.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TypeVar

APPLIES = ("linux", "win32")
TARGET = "vllm.model_executor.models.registry._run_in_subprocess"
UPSTREAM = "vllm/model_executor/models/registry.py, _LazyRegisteredModel.inspect_model_cls"
REMOVE_WHEN = "vLLM starts no process to inspect a model that its cache does not know"

_T = TypeVar("_T")


def needed() -> bool:
    """Whether upstream still has the function, and that starts a process."""
    from vllm.model_executor.models import registry

    upstream = getattr(registry, TARGET.rpartition(".")[2], None)
    return upstream is not None and "subprocess.run(" in inspect.getsource(upstream)


def install() -> None:
    """Look at the class in this process, which has loaded the plug-ins that a new one would."""
    from vllm.model_executor.models import registry

    registry._run_in_subprocess = _run_here


def _run_here(function: Callable[[], _T]) -> _T:
    """What `function` gives or raises; the caller logs an Exception of a model's module.

    A module that ends the process is one of them, as upstream has it. One that crashes in native
    code is not: with upstream that ended only the process that looked at it.
    """
    try:
        return function()
    except SystemExit as end:
        raise RuntimeError(f"the model's module ended the process: {end.code}") from end
