"""Drives an engine in this process token by token, and says when each token came.

Upstream's `vllm bench latency` and `throughput` time whole calls of `generate`: prefill and decode
cannot be told apart in them. `startup` leaves out Python's own start and its imports, `serve` needs
a server and a tokenizer, and each of them starts engines for itself alone. Here one engine serves
every measurement, through the same `LLMEngine.add_request` and `step` that `generate` uses; prompts
are upstream's, and so is the meaning of TPOT but for the last token.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_ids = itertools.count()
# Random tokens from this many, as upstream's benchmarks do: special tokens lie above.
_PLAIN_TOKENS = 10_000


@dataclass(frozen=True)
class Timeline:
    """Seconds on `time.perf_counter`: when all was submitted, and each stream's tokens' arrivals.

    A token arrives when the host holds its value, so the device has finished that step. With
    asynchronous scheduling the host submits the next step before it fetches a token; after the last
    token there is none to submit. Decode is therefore timed from the first token to the last but
    one, between which all steps are alike.
    """

    submitted: float
    arrivals: list[list[float]]

    @property
    def first(self) -> float:
        """Seconds until the first token of the first stream."""
        return min(stream[0] for stream in self.arrivals) - self.submitted

    def per_token(self) -> list[float]:
        """Each stream's seconds per token after its first: TPOT."""
        return [(s[-2] - s[0]) / (len(s) - 2) for s in self.arrivals]

    def decode_rate(self) -> float:
        """Tokens/s of all streams together, while every one of them decodes.

        Raises RuntimeError if the first has ended before the last has its first token.
        """
        start = max(stream[0] for stream in self.arrivals)
        end = min(stream[-2] for stream in self.arrivals)
        if end <= start:
            raise RuntimeError("the streams never decode all at once; more --tokens are needed")
        return sum(start < t <= end for stream in self.arrivals for t in stream) / (end - start)

    def whole_rate(self) -> float:
        """Output tokens/s of all streams together, prefill included."""
        end = max(stream[-1] for stream in self.arrivals)
        return sum(map(len, self.arrivals)) / (end - self.submitted)


def prompt(length: int, vocabulary: int, seed: int) -> list[int]:
    """`length` token ids, the same for the same seed."""
    chosen = random.Random(seed)
    return [chosen.randrange(min(vocabulary, _PLAIN_TOKENS)) for _ in range(length)]


def run(engine: Any, prompts: Sequence[list[int]], tokens: int) -> Timeline:
    """Give an `LLMEngine` `prompts` at once and have it make `tokens` greedy tokens of each.

    Raises RuntimeError if a stream ends early: the numbers would be of other work.
    """
    params = _greedy(tokens)
    arrivals: dict[str, list[float]] = {}
    submitted = time.perf_counter()
    for ids in prompts:
        name = f"bench-{next(_ids)}"
        arrivals[name] = []
        engine.add_request(name, {"prompt_token_ids": ids}, params)
    while engine.has_unfinished_requests():
        outputs = engine.step()
        now = time.perf_counter()
        for output in outputs:
            arrivals[output.request_id] += [now] * len(output.outputs[0].token_ids)
    if wrong := [len(s) for s in arrivals.values() if len(s) != tokens]:
        raise RuntimeError(f"a stream made {wrong[0]} tokens instead of {tokens}")
    return Timeline(submitted, list(arrivals.values()))


@contextmanager
def decoding(engine: Any, prompt: list[int], ahead: int = 4) -> Iterator[Callable[[], Any]]:
    """A stream that has its first token and `ahead` more; calling what is yielded does a step."""
    name = f"bench-{next(_ids)}"
    config = engine.vllm_config.model_config
    params = _greedy(config.max_model_len - len(prompt))
    engine.add_request(name, {"prompt_token_ids": prompt}, params)
    seen = 0
    while seen <= ahead:
        seen += sum(len(output.outputs[0].token_ids) for output in engine.step())
    yield engine.step
    engine.abort_request([name])
    while engine.has_unfinished_requests():
        engine.step()


def _greedy(tokens: int) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=0.0,
        max_tokens=tokens,
        ignore_eos=True,
        detokenize=False,
        output_kind=RequestOutputKind.DELTA,
    )
