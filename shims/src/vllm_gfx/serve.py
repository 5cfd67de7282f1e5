"""`vllm-gfx serve`: upstream's `vllm serve` in this process, after checks that end in one line.

Nothing of the server is ours. Added are the checks, two defaults that a flag overrides, and one
line instead of a traceback where vLLM refuses the configuration or finds the port taken.
"""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from vllm_gfx import checkpoint, envs, ports, preflight, refusal, serve_address, serve_hosts
from vllm_gfx.refusal import Refusal

HOST = ports.LOOPBACK
# Upstream's default is 0: it kills the engine under the requests. Ten seconds let most finish.
SHUTDOWN_TIMEOUT = "10"
PORT = "8000"  # upstream's default
# How upstream begins to say that its engine's process, which said why, has ended at its start.
_NO_ENGINE = "Engine core initialization failed"
_FAILED = 1
_NO_TOKENIZER = "skip-tokenizer-init"
_WITH_VALUE = (
    "config",
    "host",
    "load-format",
    "model",
    "port",
    "shutdown-timeout",
    "tokenizer",
    *serve_address.WITH_VALUE,
    *serve_hosts.ALONE,
)
_SWITCHES = (_NO_TOKENIZER, *serve_address.SWITCHES)
_WATCHED = (*_WITH_VALUE, *_SWITCHES)


class _Flags(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refusal(message, "see `vllm-gfx serve --help`")


def run(argv: Sequence[str]) -> None:
    """Serve as `argv` (MODEL and upstream's flags) says, until stopped. Raises Refusal."""
    helped = any(arg.split("=")[0] in ("-h", "--help") for arg in argv)
    given = {} if helped else settings(argv)
    envs.set_defaults(several_hosts=serve_hosts.asked(given))
    if not helped:
        argv = prepared(argv, given)
        preflight.check_machine()
    sys.argv = ["vllm", "serve", *argv]
    _upstream(given)


def prepared(argv: Sequence[str], given: Mapping[str, str]) -> list[str]:
    """`argv`, whose settings are `given`, with our defaults where it says nothing.

    Raises Refusal for what cannot be served.
    """
    if not given.get("model"):
        raise Refusal("no model is given", "put it first: vllm-gfx serve MODEL [flags]")
    checkpoint.check(given["model"], given.get("load-format", "auto"))
    if not given.keys() & {"tokenizer", _NO_TOKENIZER}:
        checkpoint.check_tokenizer(given["model"])
    if "uds" not in given:
        ports.check(given.get("host", HOST), given.get("port", PORT))
    ports.check_free()
    defaults = {"host": HOST, "shutdown-timeout": SHUTDOWN_TIMEOUT}
    added = [f"--{name}={value}" for name, value in defaults.items() if name not in given]
    model, rest = _model(argv)
    return [*model, *added, *rest]


def settings(argv: Sequence[str]) -> dict[str, str]:
    """The model and the flags that matter here, of `argv` and of the `--config` file it names."""
    model, rest = _model(argv)
    given = _flags(rest)
    if "config" in given:
        given = {**_config_file(Path(given["config"])), **given}
    return {**given, "model": model[0]} if model else given


def _model(argv: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The first argument, if it is a model's name, and the flags."""
    at = int(bool(argv) and not argv[0].startswith("-"))
    return argv[:at], argv[at:]


def _flags(argv: Sequence[str]) -> dict[str, str]:
    """The flags among `argv` that matter here. Upstream takes `_` for `-` in their names."""
    parser = _Flags(add_help=False, allow_abbrev=False)
    for name in _WITH_VALUE:
        parser.add_argument(f"--{name}", default=argparse.SUPPRESS, dest=name)
    for name in _SWITCHES:
        parser.add_argument(f"--{name}", default=argparse.SUPPRESS, dest=name, action="store_true")
    known, _ = parser.parse_known_args([_dashed(arg) for arg in argv])
    return dict(vars(known))


def _dashed(arg: str) -> str:
    """With the flag's long name in dashes; of `--flag.key`, which sets a part of it, the flag."""
    name, equals, value = arg.partition("=")
    name = serve_hosts.SHORT.get(name, name)
    if not name.startswith("--"):
        return arg
    return name.replace("_", "-").partition(".")[0] + equals + value


def _config_file(path: Path) -> dict[str, str]:
    """What a `--config` file says of the watched flags; upstream reports a file it cannot read."""
    import yaml

    try:
        found: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Refusal(f"--config {path}: {error}", "name a YAML file of flags") from error
    items = found.items() if isinstance(found, dict) else ()
    # Of a switch, upstream takes `false` as if it was not there.
    named = {str(k).replace("_", "-"): str(value) for k, value in items if value is not False}
    return {name: value for name, value in named.items() if name in _WATCHED}


def _upstream(given: Mapping[str, str]) -> None:
    """vLLM's own command line; what it refuses about the request becomes a Refusal."""
    with refusal.of_configuration(given.get("model", "")):
        from vllm.entrypoints.cli.main import main

        try:
            main()
        except OSError as error:  # someone took the port while the model was loading
            if error.errno != errno.EADDRINUSE:
                raise
            where = given.get("host", HOST), given.get("port", PORT)
            raise ports.cannot_listen(*where, error) from error
        except RuntimeError as error:
            if not str(error).startswith(_NO_ENGINE):
                raise
            print(f"vllm-gfx serve: {_no_engine(str(error))}", file=sys.stderr)
            raise SystemExit(_FAILED) from error


def _no_engine(said: str) -> str:
    """One that crashed or was killed gives no reason: its exit code, if upstream saw it, is all."""
    _, _, codes = said.rpartition(". ")
    known = "" if codes.endswith("{}") else f", unless it crashed ({codes})"
    return f"the engine did not start; its reason is above{known}"
