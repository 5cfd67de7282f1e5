"""What takes the place of a class of kernels: constants, of the shape that the layer would give.

Each function here replaces what it is named after in one module of a model, for inputs of at most
`rows` tokens, and says whether the module has it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

# Not zero: a norm of zeros, and an expert chosen by not-a-number, take other paths.
_SMALL = 1e-4
_LAYERS = "vllm.model_executor.layers"
Install = Callable[[Any, int], bool]


@cache
def _constant(shape: tuple[int, ...], dtype: Any, device: Any) -> Any:
    """Made in the run that warms a batch size up, before it is captured."""
    import torch

    return torch.full(shape, _SMALL, dtype=dtype, device=device)


def _like(x: Any, width: int) -> Any:
    """The constant answer `[..., width]` to `x` `[..., k]`."""
    return _constant((*x.shape[:-1], width), x.dtype, x.device)


def _few(x: Any, rows: int) -> bool:
    """Whether `x` `[tokens, ...]` is a decode's."""
    return bool(x.shape[0] <= rows)


def _linear(module: Any, rows: int) -> bool:
    """Linear layers and the output head, through the method that multiplies."""
    from vllm.model_executor.layers.linear import LinearBase
    from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead

    if not isinstance(module, LinearBase | ParallelLMHead):
        return False
    method = module.quant_method
    real = method.apply
    if getattr(real, "removed", False):  # a method that layers share
        return True

    def apply(layer: Any, x: Any, bias: Any = None) -> Any:
        return _like(x, _outputs(layer)) if _few(x, rows) else real(layer, x, bias)

    apply.removed = True  # type: ignore[attr-defined]
    method.apply = apply
    return True


def _outputs(layer: Any) -> int:
    names = ("num_embeddings_per_partition", "output_size_per_partition", "output_size")
    return next(int(getattr(layer, name)) for name in names if hasattr(layer, name))


def _attention(module: Any, rows: int) -> bool:
    """The attention over the cache; writing the cache is `kv_write`."""
    impl: Any = getattr(module, "impl", None)
    if not hasattr(impl, "forward"):
        return False
    real = impl.forward

    def forward(layer: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        output = kwargs.get("output")
        if output is None or not _few(query, rows):
            return real(layer, query, *args, **kwargs)
        return output.fill_(_SMALL)

    impl.forward = forward
    return True


def _kv_write(module: Any, rows: int) -> bool:
    impl: Any = getattr(module, "impl", None)
    if not hasattr(impl, "do_kv_cache_update"):
        return False
    real = impl.do_kv_cache_update

    def update(layer: Any, key: Any, *args: Any, **kwargs: Any) -> None:
        if not _few(key, rows):
            real(layer, key, *args, **kwargs)

    impl.do_kv_cache_update = update
    return True


def _forward(
    module: Any, base: str, answer: Callable[..., Any], rows: int, tokens_of: int = 0
) -> bool:
    """Replace the `forward` of a module whose class comes from the vLLM module `base`.

    `tokens_of` is the place of the argument whose first dimension is the tokens.
    """
    places = [kind.__module__ for kind in type(module).__mro__]
    if not any(place == base or place.startswith(f"{base}.") for place in places):
        return False
    real = module.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        x = args[tokens_of] if len(args) > tokens_of else list(kwargs.values())[tokens_of]
        return answer(*args, **kwargs) if _few(x, rows) else real(*args, **kwargs)

    module.forward = forward
    return True


def _norm(module: Any, rows: int) -> bool:
    if type(module).__name__.endswith("Gated"):  # its second argument is not a residual
        return False

    def answer(x: Any, residual: Any = None) -> Any:
        made = _like(x, x.shape[-1])
        return made if residual is None else (made, residual)

    return _forward(module, f"{_LAYERS}.layernorm", answer, rows)


def _rope(module: Any, rows: int) -> bool:
    if not hasattr(module, "cos_sin_cache"):
        return False

    def answer(positions: Any, query: Any, key: Any = None, *_: Any, **__: Any) -> Any:
        return query, key

    # Before the query come positions, `[tokens]` or, for images, `[3, tokens]`.
    return _forward(module, f"{_LAYERS}.rotary_embedding", answer, rows, tokens_of=1)


def _activation(module: Any, rows: int) -> bool:
    halves = any(part in type(module).__name__ for part in ("AndMul", "MulAnd"))

    def answer(x: Any, *_: Any, **__: Any) -> Any:
        return _like(x, x.shape[-1] // (2 if halves else 1))

    return _forward(module, f"{_LAYERS}.activation", answer, rows)


def _moe(module: Any, rows: int) -> bool:
    """A layer's experts with what surrounds them: routing and shared experts."""
    from vllm.model_executor.layers.fused_moe.runner.moe_runner_interface import MoERunnerInterface

    if not isinstance(module, MoERunnerInterface):
        return False

    def answer(hidden_states: Any, *_: Any, **__: Any) -> Any:
        return _like(hidden_states, hidden_states.shape[-1])

    return _forward(module, type(module).__module__, answer, rows)


def sampler(chooser: Any) -> int:
    """The choice of a token from logits, in both of vLLM's model runners: always token 1.

    The first runner's conversion of logits to float32 stays.
    """
    import torch

    def sample(logits: Any, *_: Any, **__: Any) -> Any:
        chosen = _tokens(logits.shape[0], logits.device)
        return chosen, None if isinstance(chooser, torch.nn.Module) else logits

    chooser.sample = sample
    return 1


@cache
def _tokens(rows: int, device: Any) -> Any:
    import torch

    return torch.ones(rows, dtype=torch.int64, device=device)


INSTALL: dict[str, Install] = {
    "linear": _linear,
    "attention": _attention,
    "kv_write": _kv_write,
    "norm": _norm,
    "rope": _rope,
    "activation": _activation,
    "moe": _moe,
}
