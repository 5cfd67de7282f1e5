"""The command line of `python -m vllm_gfx.bench`."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from vllm_gfx.bench import gather, plan, rows, run, table
from vllm_gfx.bench.plan import Contestant, Plan, Sizes
from vllm_gfx.refusal import Refusal

FAILED = 1
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


def main(argv: Sequence[str]) -> int:
    """Measure as `argv` says and write the rows. Returns 1 if a contestant died; raises Refusal."""
    options, engine = _parser().parse_known_args(list(argv))
    made = _plan(options, engine)
    _check_writable(options.rows)
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    logs = options.logs or Path(tempfile.mkdtemp(prefix="vllm-gfx-bench-"))
    logs.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _terminated)
    done: list[run.Outcome] = []
    try:
        run.run(made, logs, done, _say)
    finally:  # stopped or not, what was measured is written
        _write(options.rows, gather.gather(done, stamp, [run.name(o.contestant) for o in done]))
    failed = any(outcome.error for outcome in done)
    if failed:
        _say(f"what the processes printed is in {logs}")
    elif not options.logs:
        shutil.rmtree(logs)
    return FAILED if failed else 0


def _write(path: Path, found: list[dict[str, Any]]) -> None:
    rows.write(path, found)
    print(table.table(found))
    _say(f"{len(found)} rows in {path}")


def _check_writable(path: Path) -> None:
    """Before anything is measured. Leaves no file where there was none."""
    new = not path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        raise Refusal(f"--rows {path}: {error.strerror}", "name a file in a folder") from error
    if new:
        path.unlink()


def _terminated(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


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
    if sizes.tokens < 2:
        raise Refusal("--tokens 1 leaves nothing to time after the first", "give at least 2")
    if options.ablate and options.mode == "compile":
        raise Refusal("--ablate with --mode compile would compile other code", "use --mode graph")
    return Plan(
        contestants=tuple(_contestants(options)),
        benches=options.only,
        mode=options.mode,
        runs=options.runs or (1 if options.quick else 3),
        sizes=sizes,
        engine=tuple(engine),
        limit=options.limit,
        ablated=options.ablate,
        skip_absent=options.ablate is plan.CLASSES,
        caches=options.caches,
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
