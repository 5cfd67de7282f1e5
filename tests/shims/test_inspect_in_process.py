"""A model's class is inspected in the process itself, with the answers of upstream's own process.

Also expiry of vllm_gfx.engine.inspect_in_process. All in one new process, which nothing has touched
and where each of upstream's inspections costs what importing vLLM costs.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from vllm_gfx.engine import inspect_in_process

from tests.support import fresh

KNOWN = ("LlamaForCausalLM", "Qwen2VLForConditionalGeneration")
BROKEN, ABSENT = "BrokenForCausalLM", "gfx_has_no_such_module"
PROCESSES = ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.spawn")


class Errors(logging.Handler):
    """What the registry logs, and what the exception with it says."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        assert record.exc_info
        self.seen.append(record.getMessage())
        self.told.append(str(record.exc_info[1]))


def _inspected(cache: str, started: list[str], errors: Errors) -> dict[str, Any]:
    """What the registry says of the models with an empty `cache`; `started`, `errors`: of this."""
    from vllm.model_executor.models import registry

    os.environ["VLLM_CACHE_ROOT"] = cache
    for seen in (started, errors.seen, errors.told):
        seen.clear()
    registry._try_inspect_model_cls.cache_clear()
    models = registry.ModelRegistry
    return {name: models._try_inspect_model_cls(name) for name in (*KNOWN, BROKEN)}


def _watched() -> tuple[list[str], Errors]:
    """The processes that this one starts from now on, and what the registry logs."""
    started: list[str] = []
    sys.addaudithook(lambda event, _: started.append(event) if event in PROCESSES else None)
    errors = Errors()
    logging.getLogger("vllm.model_executor.models.registry").addHandler(errors)
    return started, errors


def both_ways() -> None:
    from vllm.model_executor.models import registry
    from vllm.plugins import load_general_plugins
    from vllm_gfx import apply

    caches = Path(os.environ["VLLM_CACHE_ROOT"])
    registry.ModelRegistry.register_model(BROKEN, f"{ABSENT}:{BROKEN}")
    started, errors = _watched()
    assert inspect_in_process.needed(), "vllm_gfx/engine/inspect_in_process.py can go"
    upstream = _inspected(str(caches / "upstream"), started, errors)
    assert len(started) >= len(upstream), "vllm_gfx/engine/inspect_in_process.py can go"
    logged = _logged(errors)

    load_general_plugins()
    assert inspect_in_process.__name__ in apply.active() and not inspect_in_process.needed()
    assert _inspected(str(caches / "ours"), started, errors) == upstream
    assert started == []
    assert _logged(errors) == logged
    assert _kept(caches / "ours") == _kept(caches / "upstream")


def _logged(errors: Errors) -> list[str]:
    """The one message, about the broken model, whose exception names the module it lacks."""
    (message,), (told,) = errors.seen, errors.told
    assert BROKEN in message and ABSENT in told, (message, told)
    return [message]


def _kept(cache: Path) -> dict[str, str]:
    """What the next process will read instead."""
    files = {p.name: p.read_text(encoding="utf-8") for p in cache.glob("modelinfos/*.json")}
    assert len(files) == len(KNOWN)
    return files


def test_inspected_here_as_upstream_does_elsewhere(tmp_path: Path) -> None:
    fresh.run(both_ways, {"VLLM_CACHE_ROOT": str(tmp_path)})


def test_a_module_that_ends_the_process_is_an_error() -> None:
    """Of that model alone: the registry logs an Exception, as if its own process had failed."""
    with pytest.raises(RuntimeError, match="needs libfoo"):
        inspect_in_process._run_here(lambda: sys.exit("this model needs libfoo"))
