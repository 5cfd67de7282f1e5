"""Replaces one class of a model's kernels by nothing, to see how much a decode step then saves.

The tokens become garbage; only the time counts. Each class is taken from a model that is loaded but
not yet captured into graphs, in a process of its own. Batches of more than a decode's rows pass to
the real layer, so that start-up and prefill stay as they are. Answers are constants that were made
once, of the shape that the layer would give: no launch is left, but for `attention`, whose caller
owns the answer, so that one fill a layer stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vllm_gfx.bench import nothing
from vllm_gfx.refusal import Refusal


class Absent(Refusal):
    """The model has nothing of a class."""


def arm(name: str, rows: int) -> None:
    """From now on every model of this process is loaded without the kernels of class `name`.

    `rows` are the most that a decode has. Raises Absent at loading if the model has none of them.
    """
    from vllm.v1.worker.gpu_worker import Worker

    load = Worker.load_model

    def load_and_replace(self: Any, *args: Any, **kwargs: Any) -> None:
        load(self, *args, **kwargs)
        if not remove(name, self.model_runner, rows):
            raise Absent(f"the model has no kernels of class {name}", "leave it out of --ablate")

    Worker.load_model = load_and_replace


def remove(name: str, runner: Any, rows: int) -> int:
    """Replace class `name` in the runner's model; how many layers that were."""
    if name == "sampler":
        return nothing.sampler(runner.sampler)
    install = nothing.INSTALL[name]
    return sum(install(module, rows) for module in _modules(runner.get_model()))


def _modules(model: Any) -> Iterator[Any]:
    return iter(dict.fromkeys(m for _, m in model.named_modules(remove_duplicate=False)))
