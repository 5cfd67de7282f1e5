"""`vllm-gfx report`: loads a model in this process and prints what serves each layer."""

from __future__ import annotations

import os
from collections.abc import Sequence

from vllm_gfx import checkpoint, envs, preflight, refusal, report

USAGE = "vllm-gfx report MODEL [engine flags of `vllm serve`]"


def run(argv: Sequence[str]) -> None:
    """Load the model that `argv` (MODEL, flags) names and print its table. Raises Refusal."""
    if not argv or (argv[0].startswith("-") and argv[0] not in ("-h", "--help")):
        raise refusal.Refusal("no model is given", f"put it first: {USAGE}")
    if not argv[0].startswith("-"):
        checkpoint.check(argv[0])
        preflight.check_machine()
    envs.set_defaults()
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # the rows are those of one process
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")  # stdout is for the table
    with refusal.of_configuration(argv[0]):
        _load(argv)
    print(report.table(report.rows()))
    print(report.summary(report.rows()))


def _load(argv: Sequence[str]) -> None:
    from vllm import LLM, EngineArgs
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    parser = EngineArgs.add_cli_args(FlexibleArgumentParser(prog="vllm-gfx report", usage=USAGE))
    model = argv[:1] if argv[0].startswith("-") else ["--model", argv[0]]
    LLM.from_engine_args(EngineArgs.from_cli_args(parser.parse_args([*model, *argv[1:]])))
