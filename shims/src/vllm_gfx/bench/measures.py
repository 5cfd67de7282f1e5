"""The measurements of one started engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from vllm_gfx.bench import drive, energy
from vllm_gfx.bench.plan import Sizes

WARM_TOKENS = 8


@dataclass
class Measured:
    """What a child process reports of one metric."""

    bench: str
    metric: str
    unit: str
    better: str
    samples: list[float]
    parameters: dict[str, Any] = field(default_factory=dict)
    energy_j: float | None = None

    def record(self) -> dict[str, Any]:
        """As a line of the protocol between child and parent."""
        return {"measured": asdict(self)}


class Bench:
    """An engine, how much to measure, and the random prompts to do it with."""

    def __init__(self, engine: Any, sizes: Sizes) -> None:
        self.engine = engine
        self.sizes = sizes
        config = engine.vllm_config.model_config
        self._vocabulary = config.get_vocab_size()
        self._seed = 0
        self.step_seconds: list[float] = []  # of one stream, from `decode`

    @property
    def single(self) -> dict[str, Any]:
        """The parameters of everything about one stream's decode."""
        return {"prompt": self.sizes.prompt, "tokens": self.sizes.tokens, "streams": 1}

    def prompt(self, length: int) -> list[int]:
        """`length` tokens that no other prompt of this engine begins with."""
        self._seed += 1
        return drive.prompt(length, self._vocabulary, self._seed)

    def timeline(self, streams: int, prompt: int, tokens: int) -> drive.Timeline:
        """One run of the engine on prompts it has not seen."""
        return drive.run(self.engine, [self.prompt(prompt) for _ in range(streams)], tokens)

    def repeated(
        self, streams: int, prompt: int, tokens: int, repeats: int
    ) -> tuple[list[drive.Timeline], float | None]:
        """The timelines, after a run that is not counted, and the joules they took."""
        self.timeline(streams, prompt, min(tokens, WARM_TOKENS))
        before = energy.joules()
        found = [self.timeline(streams, prompt, tokens) for _ in range(repeats)]
        after = energy.joules()
        return found, None if before is None or after is None else after - before


def decode(bench: Bench) -> Iterator[Measured]:
    """Tokens/s of one stream after its first token."""
    sizes = bench.sizes
    found, joules = bench.repeated(1, sizes.prompt, sizes.tokens, sizes.repeats)
    bench.step_seconds = [t.per_token()[0] for t in found]
    rates = [1 / s for s in bench.step_seconds]
    yield Measured("decode", "decode", "tok/s", "higher", rates, bench.single, joules)


def ttft(bench: Bench) -> Iterator[Measured]:
    """Seconds from a request's submission to its first token, nothing else in the engine."""
    for length in bench.sizes.prompts:
        found, joules = bench.repeated(1, length, 1, bench.sizes.repeats)
        samples = [t.first for t in found]
        yield Measured("ttft", "ttft", "s", "lower", samples, {"prompt": length}, joules)


def streams(bench: Bench) -> Iterator[Measured]:
    """TPOT and throughput, from the same runs."""
    sizes = bench.sizes
    for count in sizes.streams:
        found, joules = bench.repeated(count, sizes.prompt, sizes.tokens, sizes.repeats)
        of = {"streams": count, "prompt": sizes.prompt, "tokens": sizes.tokens}
        per_token = [_mean(t.per_token()) for t in found]
        yield Measured("tpot", "tpot", "s", "lower", per_token, of)
        for metric, rate in _RATES.items():
            samples = [rate(t) for t in found]
            # Energy is that of whole runs, so it stands where their prefill is counted too.
            whole = joules if rate is drive.Timeline.whole_rate else None
            yield Measured("throughput", metric, "tok/s", "higher", samples, of, whole)


# The first counts while every stream decodes; the second is upstream's, prefill included.
_RATES: dict[str, Callable[[drive.Timeline], float]] = {
    "throughput": drive.Timeline.decode_rate,
    "throughput_with_prefill": drive.Timeline.whole_rate,
}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
