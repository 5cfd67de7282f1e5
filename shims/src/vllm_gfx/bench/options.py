"""What the command line of `python -m vllm_gfx.bench` asks for, as a plan."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from vllm_gfx.bench import plan
from vllm_gfx.bench.plan import Contestant, Plan, Sizes
from vllm_gfx.refusal import Refusal

ROWS = Path("results", "engine.jsonl")
_MEANINGS = "\n".join(f"  {name:12} {meaning}" for name, meaning in plan.MEASURED.items())
_EPILOG = f"""measurements:
{_MEANINGS}

Any other flag is vLLM's own (`vllm serve --help`), the same for every contestant, for example
--max-model-len 4096 --load-format dummy. Each row goes to --rows as one JSON line.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refusal(message, "see `python -m vllm_gfx.bench --help`")


def parsed(argv: Sequence[str]) -> tuple[Any, Plan]:
    """The options, and the plan they make. Raises Refusal."""
    options, engine = _parser().parse_known_args(list(argv))
    return options, _plan(options, engine)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="vllm_gfx.bench",
        description=__doc__,
        epilog=_EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="checkpoint folder")
    add("--contestant", action="append", metavar="LABEL[=MODEL]", help="repeatable; default: gfx")
    add("--env", action="append", default=[], metavar="LABEL:NAME=VALUE", help="of one contestant")
    add("--only", type=_names, default=tuple(plan.MEASURED), metavar="BENCH,...", help="these")
    add(
        "--ablate",
        nargs="?",
        type=_classes,
        const=plan.CLASSES,
        default=(),
        metavar="CLASS,...",
        help="also decode without one class of kernels at a time: " + ", ".join(plan.CLASSES),
    )
    add("--mode", choices=plan.MODES, default="default", help="how the engine runs the model")
    add("--runs", type=_positive, help="rounds, each with fresh processes (3; --quick: 1)")
    add("--repeats", type=_positive, help="samples of each measurement in one process (3)")
    add("--quick", action="store_true", help="one round, half the tokens, fewer sizes")
    add("--prompt", type=_positive, metavar="TOKENS", help="of decode and throughput (128)")
    add("--tokens", type=_positive, metavar="TOKENS", help="new ones a stream (128; --quick: 64)")
    add("--prompts", type=_numbers, metavar="N,...", help="lengths of ttft")
    add("--streams", type=_numbers, metavar="N,...", help="of tpot and throughput")
    add("--rows", type=Path, default=ROWS, metavar="FILE", help=f"appended to ({ROWS})")
    add("--logs", type=Path, metavar="FOLDER", help="of what the processes print")
    add("--caches", type=Path, metavar="FOLDER", help="own compile caches; a new one is cold")
    add("--commit", default="", help="of the code measured, where git cannot say it")
    add("--limit", type=_positive, default=1800, metavar="SECONDS", help="of one process (1800)")
    return parser


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


def _plan(options: Any, engine: Sequence[str]) -> Plan:
    names = ("prompt", "tokens", "prompts", "streams", "repeats")
    given = {n: getattr(options, n) for n in names if getattr(options, n) is not None}
    sizes = replace(plan.QUICK if options.quick else Sizes(), **given)
    if sizes.tokens < plan.FEWEST_TOKENS:
        what = f"--tokens {sizes.tokens} leaves nothing to time after the first"
        raise Refusal(what, f"give at least {plan.FEWEST_TOKENS}")
    if options.ablate and options.mode == "compile":
        raise Refusal("--ablate with --mode compile would compile other code", "use --mode graph")
    return Plan(
        contestants=tuple(_contestants(options)),
        benches=tuple(dict.fromkeys(options.only + (("decode",) if options.ablate else ()))),
        mode=options.mode,
        runs=options.runs or (1 if options.quick else 3),
        sizes=sizes,
        engine=tuple(engine),
        limit=options.limit,
        ablated=options.ablate,
        skip_absent=options.ablate is plan.CLASSES,
        caches=options.caches,
        skip_long=options.prompts is None,
        commit=options.commit,
    )


def _contestants(options: Any) -> list[Contestant]:
    found: dict[str, Contestant] = {}
    for text in options.contestant or ["gfx"]:
        label, _, model = text.partition("=")
        if label in found:
            raise Refusal(f"contestant {label} is named twice", "give each its own label")
        found[label] = _contestant(label, model, options.model)
    for text in options.env:
        label, _, setting = text.partition(":")
        name, equals, value = setting.partition("=")
        if label not in found or not equals or not name:
            raise Refusal(f"--env {text} names no contestant's variable", "LABEL:NAME=VALUE")
        found[label].environment[name] = value
    return list(found.values())


def _contestant(label: str, model: str, default: str) -> Contestant:
    if not label or (not model and label not in plan.KNOWN):
        known = ", ".join(plan.KNOWN)
        raise Refusal(f"contestant {label!r} is unknown", f"one of {known}, or LABEL=MODEL")
    if not model and label in plan.OTHER_MODEL:
        raise Refusal(f"contestant {label} needs a checkpoint of its own", f"say {label}=MODEL")
    checked = model or default
    if not Path(checked, "config.json").is_file():
        raise Refusal(f"there is no checkpoint in {checked}", "give a folder with a config.json")
    environment = dict(plan.KNOWN.get(label, {}))
    return Contestant(label, checked, environment)
