"""Which target the linear layers run on, what it serves, and errors that say so in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import torch
from gfx_kernels import availability, choice, targets
from vllm.platforms import current_platform

from vllm_gfx import envs, simulation

FORMATS = "4-bit GPTQ, AWQ (version gemm) and compressed-tensors (pack-quantized, weight-only)"

# Names `--quantization` and checkpoints use for FORMATS; all the reference target has layers for.
METHODS = (
    "auto_gptq",
    "gptq",
    "gptq_marlin",
    "auto_awq",
    "awq",
    "awq_marlin",
    "compressed-tensors",
)


def platform_is_ours() -> bool:
    """Whether vLLM runs on one of this plug-in's platforms."""
    return type(current_platform).__module__.startswith("vllm_gfx.")


def name() -> str:
    """The target of this process: the simulated one, else the one the kernels were built for."""
    return envs.simulated_target() or targets.built_for()


def is_reference() -> bool:
    """Whether this is the reference target, where only FORMATS are served."""
    return name() == targets.REFERENCE


def no_kernel(op: ModuleType) -> str | None:
    """Why no compiled kernel of `op` runs in this process; None if one does, or needs to.

    On a simulated card what is asked for by name serves: it may be one that is not compiled.
    """
    short = op.__name__.split(".")[-1]
    if simulation.on_cpu():
        return None if choice.named(short) else f"a simulated {name()} runs no compiled kernel"
    if simulation.on_cuda():
        return availability.why_not_on_device(short, torch.device("cuda"))
    reason: str | None = op.why_not_on(name())
    return reason


def activation_dtypes(upstream: list[torch.dtype]) -> list[torch.dtype]:
    """What a format's layers accept: `upstream`'s dtypes, on the reference target float32 too."""
    return [*upstream, torch.float32] if is_reference() else upstream


def verify_quantization(method: str) -> None:
    """Raise ValueError if the reference target has no layers for the quantisation `method`."""
    if is_reference() and method not in METHODS:
        raise ValueError(unserved(f"quantisation {method!r}"))


def unserved(what: str) -> str:
    """The message for something this target does not serve."""
    return f"{what} is not served on target {name()}; it serves {FORMATS}. Use such a copy"


@contextmanager
def explained(layer: str) -> Iterator[None]:
    """Turn a ValueError about a layer into one line that names the layer and what is served."""
    try:
        yield
    except ValueError as error:
        reasons = " ".join(str(error).split())
        raise ValueError(unserved(f"{layer} ({reasons})")) from error
