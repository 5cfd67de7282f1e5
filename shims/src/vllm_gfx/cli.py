"""The command `vllm-gfx`: serve a model, report which kernels serve it, look at the environment."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from vllm_gfx import arguments, utf8_mode
from vllm_gfx.refusal import Refusal

USAGE_ERROR = 2
INTERRUPTED = 130


def _serve(argv: Sequence[str]) -> int:
    from vllm_gfx import serve

    serve.run(argv)
    return 0


def _report(argv: Sequence[str]) -> int:
    from vllm_gfx import report_command

    report_command.run(argv)
    return 0


def _doctor(argv: Sequence[str]) -> int:
    from vllm_gfx import doctor

    return doctor.main(argv)


def _replicas(argv: Sequence[str]) -> int:
    from vllm_gfx.parallel import replicas

    return replicas.main(argv)


def _bench(argv: Sequence[str]) -> int:
    from vllm_gfx.bench import cli

    return cli.main(argv)


COMMANDS: dict[str, tuple[Callable[[Sequence[str]], int], str]] = {
    "serve": (
        _serve,
        "MODEL [flags of `vllm serve`]: check the checkpoint and the port, then start vLLM's "
        "server; on 127.0.0.1 unless --host says otherwise, and giving requests in flight 10 "
        "seconds to finish when stopped unless --shutdown-timeout does",
    ),
    "replicas": (
        _replicas,
        "MODEL [--gpus 0,1] [flags of `vllm serve`]: one server per GPU behind one address, which "
        "gives each request to the least busy; the way to use several GPUs on Windows",
    ),
    "report": (
        _report,
        "MODEL [engine flags of vLLM]: load the model and print which kernel, attention backend "
        "and op serves each layer",
    ),
    "doctor": (
        _doctor,
        "[--json] [--strict]: versions, target, drivers, devices, loaded libraries, free memory, "
        "packages, shims, patches, variables, and what is wrong with them; ends with 1 if "
        "something is broken",
    ),
    "bench": (
        _bench,
        "MODEL [--contestant LABEL[=MODEL]] [--only BENCH,...] [engine flags of vLLM]: measure the "
        "engine, each contestant in processes of its own, in turns",
    ),
}


def main() -> None:
    """Run the command line; a foreseen error becomes one line on stderr and exit code 2."""
    if utf8_mode.is_needed():
        sys.exit(utf8_mode.restart())
    command, rest = _parsed(arguments.understood(sys.argv[1:]))
    try:
        sys.exit(COMMANDS[command][0](rest))
    except Refusal as refusal:
        print(f"vllm-gfx {command}: {refusal}", file=sys.stderr)
        sys.exit(USAGE_ERROR)
    except KeyboardInterrupt:  # upstream turns SIGTERM before the server is up into this, too
        print(f"vllm-gfx {command}: stopped", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _parsed(argv: Sequence[str]) -> tuple[str, list[str]]:
    parser = argparse.ArgumentParser(prog="vllm-gfx", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, meaning) in COMMANDS.items():
        commands.add_parser(name, help=meaning, add_help=False)
    # Only the name is ours: everything after it belongs to the command.
    command: str = parser.parse_args(argv[:1]).command
    return command, list(argv[1:])
