"""What the command line of `python -m vllm_gfx.bench` asks for, as a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vllm_gfx.bench import flags, plan
from vllm_gfx.bench.plan import Contestant, Plan, Sizes
from vllm_gfx.refusal import Refusal


def parsed(argv: Sequence[str]) -> tuple[Any, Plan]:
    """The options, and the plan they make. Raises Refusal."""
    options, engine = flags.parser().parse_known_args(list(argv))
    return options, _plan(options, engine)


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
        runs=options.runs or (plan.QUICK_ROUNDS if options.quick else plan.ROUNDS),
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
