"""The flags of `python -m vllm_gfx.bench`, and what its --help says."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NoReturn

from vllm_gfx.bench import plan
from vllm_gfx.refusal import Refusal

ROWS = Path("results", "engine.jsonl")
_ABOUT = """\
Measures how fast vLLM runs a checkpoint here, and what it needs: speed, first token, memory,
start-up. Contestants take turns, each time in a fresh process. You get a table, and one JSON line
per measurement in --rows.
"""
_MEANINGS = "\n".join(f"  {name:12} {meaning}" for name, meaning in plan.MEASURED.items())
_EPILOG = f"""measurements:
{_MEANINGS}

Any other flag is vLLM's own (`vllm serve --help`), the same for every contestant, for example
--max-model-len 4096 --load-format dummy.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refusal(message, "see `python -m vllm_gfx.bench --help`")


def parser() -> argparse.ArgumentParser:
    """Its `error` raises Refusal."""
    made = _Parser(
        prog="vllm_gfx.bench",
        description=_ABOUT,
        epilog=_EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("model", metavar="MODEL", help="checkpoint folder")
    _who_and_what(made.add_argument)
    _how_much(made.add_argument)
    _where(made.add_argument)
    return made


def _who_and_what(add: Any) -> None:
    known, classes = ", ".join(plan.KNOWN), ", ".join(plan.CLASSES)
    who = f"repeatable: {known}, or a label of yours with a checkpoint (default: gfx)"
    add("--contestant", action="append", metavar="LABEL[=MODEL]", help=who)
    of_one = "repeatable: a variable of one contestant alone (default: none)"
    add("--env", action="append", default=[], metavar="LABEL:NAME=VALUE", help=of_one)
    benches = "the measurements below that are taken (default: all)"
    add("--only", type=_names, default=tuple(plan.MEASURED), metavar="BENCH,...", help=benches)
    add(
        "--ablate",
        nargs="?",
        type=_classes,
        const=plan.CLASSES,
        default=(),
        metavar="CLASS,...",
        help=f"also decode without one class of kernels at a time: {classes} "
        "(default: none; --ablate alone: each that the model has)",
    )
    how = "how the engine runs the model (default: default, which leaves it to the platform)"
    add("--mode", choices=plan.MODES, default="default", help=how)


def _how_much(add: Any) -> None:
    rounds = f"rounds, each with fresh processes {_said(plan.ROUNDS, plan.QUICK_ROUNDS)}"
    add("--runs", type=_positive, help=rounds)
    repeats = f"samples of each measurement in one process {_size('repeats')}"
    add("--repeats", type=_positive, help=repeats)
    add(
        "--quick",
        action="store_true",
        help="fewer rounds, tokens and sizes, as their defaults say (default: no)",
    )
    prompt = f"length of the prompts of decode, tpot and throughput {_size('prompt')}"
    add("--prompt", type=_positive, metavar="TOKENS", help=prompt)
    tokens = f"new ones of a stream {_size('tokens')}"
    add("--tokens", type=_positive, metavar="TOKENS", help=tokens)
    prompts = f"lengths of the prompts of ttft, as far as they fit the model {_size('prompts')}"
    add("--prompts", type=_numbers, metavar="N,...", help=prompts)
    streams = f"how many at once in tpot and throughput {_size('streams')}"
    add("--streams", type=_numbers, metavar="N,...", help=streams)
    limit = "of one process, which is then killed (default: %(default)s)"
    add("--limit", type=_positive, default=1800, metavar="SECONDS", help=limit)


def _where(add: Any) -> None:
    rows = "that rows are appended to (default: %(default)s)"
    add("--rows", type=Path, default=ROWS, metavar="FILE", help=rows)
    logs = "for what the processes print (default: a temporary one, kept if a process fails)"
    add("--logs", type=Path, metavar="FOLDER", help=logs)
    caches = (
        "for compiled kernels, so that a start is known to be cold or warm (default: your own "
        "caches; `python dev.py bench`: a folder of the checkout)"
    )
    add("--caches", type=Path, metavar="FOLDER", help=caches)
    commit = "of the code that is measured (default: what git says, where it is a checkout)"
    add("--commit", default="", help=commit)


def _size(name: str) -> str:
    return _said(getattr(plan.Sizes(), name), getattr(plan.QUICK, name))


def _said(usual: Any, quick: Any) -> str:
    """A default, and that of --quick where it is another."""
    told, less = (
        ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for value in (usual, quick)
    )
    return f"(default: {told})" if told == less else f"(default: {told}; --quick: {less})"


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [n for n in names if n not in plan.MEASURED]:
        known = ", ".join(plan.MEASURED)
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is not measured; one of {known}")
    return names


def _classes(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    if unknown := [n for n in names if n not in plan.CLASSES]:
        known = ", ".join(plan.CLASSES)
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no class of kernels; one of {known}")
    return names


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted({_positive(part) for part in text.split(",")}))
