"""Bytes that a step may take and vLLM's profiling run does not see: bounds, from a configuration.

vLLM sizes its KV cache by a run with the largest batch. That run leaves out attention and what
stands in its place (a layer without metadata returns early), and it samples greedily. What a term
cannot tell from the configuration counts as UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

CHUNK = 64  # tokens: flash-linear-attention's chunk; Mamba 2's are longer, and take less
LOGITS = 1024  # rows at once, of a prompt's log-probabilities: vLLM's CHUNK_SIZE
PROGRAMS = 128  # each has a row of the vocabulary in top-k and top-p; one for each compute unit
STATE = 4  # bytes an element of a recurrent state, which most models keep in float32
FLOAT = 4
# Of the GPU's memory, for a hybrid or vision model whose shapes are not among those below: others
# measured that such a model was clean at 0.7 where dense ones are at 0.9.
UNKNOWN = 0.2


class Unknown(Exception):
    """The configuration has what a term counts, and does not tell how large it is."""


@dataclass(frozen=True)
class Step:
    """The largest step of an engine."""

    tokens: int
    requests: int
    element: int  # bytes, of the model's dtype

    @classmethod
    def of(cls, vllm_config: Any) -> Step:
        """As the scheduler may make it."""
        scheduler = vllm_config.scheduler_config
        tokens = scheduler.max_num_batched_tokens
        requests = min(scheduler.max_num_seqs, tokens)
        return cls(tokens, requests, vllm_config.model_config.dtype.itemsize)


# Names in published configurations: heads, and the two sides of each head's state, of which the
# second is the width of a key.
STATES = (
    ("linear_num_value_heads", "linear_value_head_dim", "linear_key_head_dim"),  # Qwen3.5
    ("mamba_num_heads", "mamba_head_dim", "ssm_state_size"),  # Nemotron-H
    ("mamba_n_heads", "mamba_d_head", "mamba_d_state"),  # Bamba, Granite 4, Falcon-H1
    (None, "intermediate_size", "state_size"),  # Mamba 1: one head
)


def _shape(config: Any) -> tuple[int, int, int]:
    """Heads and both sides of the state of one recurrent layer. Raises Unknown."""
    for names in STATES:
        found = [1 if name is None else getattr(config, name, None) for name in names]
        sizes = [size for size in found if isinstance(size, int) and size > 0]
        if len(sizes) == len(names):
            return sizes[0], sizes[1], sizes[2]
    raise Unknown("recurrent layers")


def recurrent(vllm_config: Any) -> int:
    """One recurrent layer in a step of prompts: layers follow each other in the same memory.

    The requests' states, gathered and written back; a state for each chunk; keys, values and what
    is made of them for each token; products within a chunk.
    """
    model = vllm_config.model_config
    if not (model.is_hybrid or model.is_attention_free):
        return 0
    step = Step.of(vllm_config)
    heads, rows, columns = shape = _shape(model.hf_text_config)
    states = 2 * step.requests * prod(shape) * STATE
    chunks = (-(-step.tokens // CHUNK) + step.requests) * prod(shape) * step.element
    each = 2 * heads * (rows + 2 * columns) + heads * (columns + 3 * rows)
    products = heads * CHUNK * (FLOAT + step.element)
    return states + chunks + step.tokens * (each * step.element + products)


def logits(vllm_config: Any) -> int:
    """A prompt's log-probabilities beyond the logits that the run makes, and top-k and top-p."""
    model = vllm_config.model_config
    if model.runner_type != "generate":
        return 0
    step, vocabulary = Step.of(vllm_config), model.get_vocab_size()
    prompt = min(LOGITS, step.tokens) * vocabulary * step.element
    seen = step.requests * vocabulary * (step.element + FLOAT)
    return max(0, prompt - seen) + min(PROGRAMS, step.requests) * vocabulary * FLOAT


def images(vllm_config: Any) -> int:
    """The encoder of images and its results, where `--skip-mm-profiling` leaves them out."""
    model = vllm_config.model_config
    settings = model.multimodal_config
    if settings is None or not settings.skip_mm_profiling or not _allowed(settings):
        return 0
    vision = getattr(model.hf_config, "vision_config", None)
    names = ("hidden_size", "intermediate_size")
    hidden, inner = (getattr(vision, name, None) for name in names)
    if not isinstance(hidden, int) or not isinstance(inner, int):
        raise Unknown("images")
    merged = getattr(vision, "spatial_merge_size", None) or 1
    tokens = vllm_config.scheduler_config.max_num_encoder_input_tokens
    patches = tokens * merged**2
    element = model.dtype.itemsize
    return int((patches * (5 * hidden + 2 * inner) + tokens * model.get_hidden_size()) * element)


def _allowed(settings: Any) -> bool:
    """Whether any request may hold an image or a video."""
    return any(settings.get_limit_per_prompt(kind) for kind in ("image", "video"))


TERMS: dict[str, Callable[[Any], int]] = {
    "recurrent layers": recurrent,
    "logits": logits,
    "images": images,
}


def found(vllm_config: Any, total: int) -> dict[str, int]:
    """Bytes by term, of a GPU of `total` bytes; without those that are none."""
    sums = {}
    for name, term in TERMS.items():
        try:
            sums[name] = term(vllm_config)
        except Unknown:
            sums[name] = int(UNKNOWN * total)
    return {name: count for name, count in sums.items() if count}
