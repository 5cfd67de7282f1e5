"""What an engine's tensors hold, and how much of it one decode step must read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def runner(engine: Any) -> Any:
    """The model runner of an engine in this process."""
    worker = engine.model_executor.driver_worker
    return getattr(worker, "worker", worker).model_runner


def held(engine: Any) -> dict[str, int]:
    """Bytes of `weights` and of `kv_cache`, each storage once however many tensors share it."""
    model = runner(engine).get_model()
    weights = [*model.parameters(), *model.buffers()]
    return {"weights": distinct(weights), "kv_cache": distinct(_tensors(runner(engine).kv_caches))}


def distinct(tensors: Iterable[Any]) -> int:
    """Bytes of the storages behind `tensors`."""
    sizes = {}
    for tensor in tensors:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
    return sum(sizes.values())


def _tensors(nested: Any) -> list[Any]:
    """KV caches are tensors, or per layer lists of them."""
    if isinstance(nested, list | tuple):
        return [tensor for part in nested for tensor in _tensors(part)]
    return [nested]
