"""What is measured, of whom, how often: the command line's answer, handed to child processes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

MODES = ("default", "eager", "graph", "compile")

# What each mode means to vLLM, as engine arguments; `default` leaves it to the platform.
MODE_ARGUMENTS: dict[str, list[str]] = {
    "default": [],
    "eager": ["--enforce-eager"],
    "graph": ["--compilation-config", '{"mode": 0, "cudagraph_mode": "FULL_DECODE_ONLY"}'],
    "compile": ["--compilation-config", '{"mode": 3}'],
}

# bench -> what it means. `ablate` is the one that is not taken from a single engine.
MEASURED = {
    "decode": "tokens/s of one stream, without its prefill",
    "ttft": "seconds to the first token, over prompt lengths",
    "tpot": "seconds per output token of a stream, over numbers of streams",
    "throughput": "tokens/s of all streams together, over numbers of streams",
    "kv_capacity": "tokens that the KV cache holds",
    "memory": "peak bytes that torch reserved on the device; what weights and KV cache take",
    "startup": "seconds from the process's start to an engine that answers",
    "roofline": "share of the bandwidth, measured in the same process, that decode reaches",
    "step": "where a decode step's time goes: kernels, host, launches",
}
# Classes of kernels that `ablate` can leave out of a decode step.
CLASSES = (
    "linear",
    "attention",
    "kv_write",
    "norm",
    "rope",
    "activation",
    "moe",
    "sampler",
)


FEWEST_TOKENS = 3  # decode is timed from the first to the last but one


@dataclass(frozen=True)
class Sizes:
    """How much of everything. Tokens and streams, not bytes."""

    prompt: int = 128
    tokens: int = 128
    prompts: tuple[int, ...] = (128, 256, 512, 1024, 2048, 4096, 8192, 16384)
    streams: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    repeats: int = 3
    profiled_steps: int = 8

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Sizes:
        """From what `asdict` became in JSON, where tuples are lists."""
        tuples: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}
        return cls(**tuples)


ROUNDS, QUICK_ROUNDS = 3, 1
QUICK = Sizes(tokens=64, prompts=(128, 2048), streams=(1, 8, 32))


@dataclass(frozen=True)
class Contestant:
    """A label, the checkpoint it runs, and the environment that makes the difference."""

    label: str
    model: str
    environment: dict[str, str] = field(default_factory=dict)
    ablated: str = ""  # the class of kernels that is left out


# label -> environment that makes this contestant. What it does not name is ours in each.
KNOWN: dict[str, dict[str, str]] = {
    "gfx": {},
    "upstream-w4": {"VLLM_DISABLED_KERNELS": "GfxW4A16LinearKernel"},
    "fp16": {},
    "fp16-torch": {"GFX_KERNELS_IMPLEMENTATION": "skinny_linear=torch"},
}
OTHER_MODEL = ("fp16", "fp16-torch")  # these differ by their checkpoint too


@dataclass(frozen=True)
class Plan:
    """One invocation. `engine` are vLLM's own flags, passed on as they were typed."""

    contestants: tuple[Contestant, ...]
    benches: tuple[str, ...]
    mode: str
    runs: int
    sizes: Sizes
    engine: tuple[str, ...]
    limit: float
    ablated: tuple[str, ...] = ()
    skip_absent: bool = False  # a class that the model lacks is left out; it was not named
    skip_long: bool = False  # so is a prompt that does not fit the model
    caches: Path | None = None
    commit: str = ""

    def order(self) -> list[tuple[int, Contestant]]:
        """Who runs when: A B C A B C, each time in a fresh process; the ablated after the whole."""
        entrants = [
            replace(who, ablated=name) for who in self.contestants for name in ("", *self.ablated)
        ]
        return [(n, who) for n in range(self.runs) for who in entrants]
