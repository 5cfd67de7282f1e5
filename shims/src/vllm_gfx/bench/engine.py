"""Starts the engine that a plan asks for, in this process, and says what it became."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from vllm_gfx import envs, report
from vllm_gfx.bench.plan import MODE_ARGUMENTS, Sizes
from vllm_gfx.refusal import Refusal

# Each puts parts of the engine into processes of their own, where nothing here can look.
_SPREADING = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")


def start(model: str, mode: str, flags: list[str], sizes: Sizes) -> Any:
    """An `LLMEngine` of upstream's `LLM`, with vLLM's own `flags`.

    No prefix cache, which would skip prefills; no tokenizer, because prompts are token ids. Raises
    Refusal for a mode that the platform does not run, and for more than one GPU.
    """
    from vllm import LLM

    arguments = _arguments(model, mode, flags, sizes)
    _refuse_to_spread(arguments)
    engine = LLM.from_engine_args(arguments).llm_engine
    ran = mode_of(engine.vllm_config)
    if mode not in ("default", ran):
        raise Refusal(f"--mode {mode} was asked for and {ran} runs", "leave --mode out here")
    return engine


def _refuse_to_spread(arguments: Any) -> None:
    for name in _SPREADING:
        if (count := getattr(arguments, name)) > 1:
            flag = "--" + name.replace("_", "-")
            what = f"{flag} {count} was asked for, and what is measured here is one process"
            raise Refusal(what, f"leave {flag} out, or use `vllm bench serve` on a server")


def _arguments(model: str, mode: str, flags: list[str], sizes: Sizes) -> Any:
    from vllm import EngineArgs
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    parser = EngineArgs.add_cli_args(FlexibleArgumentParser(prog="vllm_gfx.bench"))
    parser.set_defaults(
        enable_prefix_caching=False,
        skip_tokenizer_init=True,
        max_num_seqs=max(sizes.streams),
    )
    typed = ["--model", model, *MODE_ARGUMENTS[mode], *flags]
    return EngineArgs.from_cli_args(parser.parse_args(typed))


def fitting(sizes: Sizes, config: Any, request: dict[str, Any]) -> Sizes:
    """`sizes` without the prompts of `ttft` that leave no room for a token in the model.

    Raises Refusal for anything else that the engine cannot hold, and for such a prompt that was
    named, unless `request["benches"]` do not need it.
    """
    longest, most = config.model_config.max_model_len, config.scheduler_config.max_num_seqs
    need = sizes.prompt + sizes.tokens
    if need > longest:
        what = f"{sizes.prompt} prompt and {sizes.tokens} new tokens do not fit in {longest}"
        raise Refusal(what, "lower --prompt or --tokens, or raise --max-model-len")
    if max(sizes.streams) > most and {"tpot", "throughput"} & set(request["benches"]):
        what = f"{max(sizes.streams)} streams do not run at once with --max-num-seqs {most}"
        raise Refusal(what, "lower --streams or raise it")
    fit = tuple(length for length in sizes.prompts if length < longest)
    if fit != sizes.prompts and "ttft" in request["benches"] and not request["skip_long"]:
        what = f"a prompt of {max(sizes.prompts)} tokens and one more do not fit in {longest}"
        raise Refusal(what, "lower --prompts or raise --max-model-len")
    return replace(sizes, prompts=fit)


def mode_of(config: Any) -> str:
    """How this engine runs: `eager`, `graph` (graphs, no compiler) or `compile`."""
    from vllm.config import CompilationMode, CUDAGraphMode

    compilation = config.compilation_config
    if compilation.mode not in (None, CompilationMode.NONE):
        return "compile"
    return "eager" if compilation.cudagraph_mode in (None, CUDAGraphMode.NONE) else "graph"


def settings(config: Any) -> dict[str, Any]:
    """What a number depends on, as the engine resolved it."""
    from gfx_kernels import envs as kernel_envs
    from vllm import envs as vllm_envs

    model, cache, scheduler = config.model_config, config.cache_config, config.scheduler_config
    return {
        "dtype": str(model.dtype).removeprefix("torch."),
        "quantization": model.quantization,
        "attention": ", ".join(served_by().get("attention", {})) or None,
        "mode": mode_of(config),
        "max_model_len": model.max_model_len,
        "max_num_seqs": scheduler.max_num_seqs,
        "max_num_batched_tokens": scheduler.max_num_batched_tokens,
        "async_scheduling": bool(scheduler.async_scheduling),
        "kv_cache_dtype": str(cache.cache_dtype),
        "block_size": cache.block_size,
        "gpu_memory_utilization": cache.gpu_memory_utilization,
        "load_format": str(config.load_config.load_format),
        "simulated": envs.simulated_target() or None,
        "disabled_kernels": sorted(vllm_envs.VLLM_DISABLED_KERNELS),
        "implementations": kernel_envs.implementations() or None,
    }


def served_by() -> dict[str, dict[str, int]]:
    """Kind -> implementation -> how many layers it serves, from this process's report."""
    counts: dict[str, Counter[str]] = {}
    for row in report.rows():
        counts.setdefault(row.kind, Counter())[row.implementation] += 1
    return {kind: dict(found) for kind, found in counts.items()}
