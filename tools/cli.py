"""The tasks of this repository. `python dev.py TASK` and `pixi run TASK` both end here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tools import paths
from tools.console import err
from tools.errors import ToolError, is_read_only
from tools.leave import leave

app = typer.Typer(
    help="Build, install, try and test the channel.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Target = Annotated[
    list[str] | None, typer.Option(help="A target of variants/; may be repeated. Default: all.")
]


def _of_machine(target: str | None) -> str | None:
    """`auto` becomes a target; only then is this machine looked at."""
    if target != "auto":
        return target
    from tools.gpus import choice

    return choice()


OneTarget = Annotated[
    str | None,
    typer.Option(
        envvar="VLLM_GFX_TARGET",
        callback=_of_machine,
        help="A target of variants/, or auto: this machine's. Default: none asked for: cpu.",
    ),
]
RowsFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Where rows go. Default: results/engine.jsonl.")
]
Compared = Annotated[
    tuple[Path, Path] | None,
    typer.Option(metavar="A B", help="Measure nothing: say how the rows of B differ from A's."),
]
Reported = Annotated[
    tuple[Path, Path] | None,
    typer.Option(metavar="ROWS FOLDER", help="Measure nothing: report a file of rows."),
]
FailOnRegression = Annotated[
    bool, typer.Option("--fail-on-regression", help="With --compare: exit 1 if a case got worse.")
]
Pythons = Annotated[
    list[str] | None,
    typer.Option(help="Of AMD's wheels, as 3.12; may be repeated. Default: `py` of pins.yaml."),
]
INTERRUPTED = 130  # what typer exits with on Ctrl-C
Platform = Annotated[str | None, typer.Option(help="linux-64 or win-64. Default: this one.")]
Passed = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command()
def build(
    target: Target = None,
    platform: Platform = None,
    rocm: Annotated[bool, typer.Option("--rocm", help="AMD's wheels too, as packages.")] = False,
    python: Pythons = None,
    wheels: Annotated[
        Path | None, typer.Option(help="With --rocm: a folder of wheels that are here already.")
    ] = None,
) -> None:
    """Build every package into build/channel; what has not changed is kept."""
    from tools.build import build as run
    from tools.rocm.build import build_stack

    if (python or wheels) and not rocm:
        raise ToolError("--python and --wheels are about AMD's wheels", "add --rocm")
    run(target, platform)
    if rocm:
        build_stack(target, platform, python, paths.callers(str(wheels)) if wheels else None)


@app.command()
def pin(
    what: Annotated[str, typer.Argument(metavar="rocm", help="What to pin: rocm.")],
    version: Annotated[str, typer.Argument(help="A release of AMD's, as 10.0.0.")],
    target: Target = None,
    platform: Annotated[
        list[str] | None, typer.Option(help="linux-64 or win-64; may be repeated. Default: both.")
    ] = None,
    python: Pythons = None,
    index: Annotated[
        str | None, typer.Option(metavar="URL", help="Default: that of recipes/rocm.yaml.")
    ] = None,
) -> None:
    """Write the hashes of AMD's wheels into recipes/rocm.yaml; needs AMD's index.

    AMD publishes no hashes: each file that has none yet is downloaded, up to 1 GB each, and
    measured. Files that were measured before are not fetched again.
    """
    from tools.rocm.command import pin as run

    run(what, version, target, platform, python, index)


@app.command()
def fetch() -> None:
    """Download the pinned sources into build/sources and check the patches on them."""
    from tools.build import fetch as run

    run()


@app.command()
def install(
    bundle: Annotated[
        Path | None, typer.Argument(help="A file that `bundle` wrote: install it, offline.")
    ] = None,
    target: OneTarget = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Also if its packages are the same.")] = (
        False
    ),
    untried: Annotated[
        bool, typer.Option("--untried", help="Of a bundle: do not run it, e.g. without the card.")
    ] = False,
) -> None:
    """Build (or take BUNDLE), solve and install; build/env/TARGET then leads to it."""
    if bundle:
        from tools.bundle import install as install_bundle

        install_bundle(paths.callers(str(bundle)), target, fresh=fresh, untried=untried)
    else:
        from tools.install import install as run

        run(target, fresh=fresh)


@app.command()
def rollback(target: OneTarget = None) -> None:
    """Use the prefix from before the last `install` again; a second time: the later one."""
    from tools.install import rollback as run

    run(target)


@app.command()
def verify(
    prefix: Annotated[
        Path | None, typer.Argument(help="Any conda prefix. Default: the installed one.")
    ] = None,
    target: OneTarget = None,
) -> None:
    """Hash every file of a prefix again; name what is changed, missing or extra, and end with 1."""
    from tools.trust.report import verify as run

    run(paths.callers(str(prefix)) if prefix else None, target)


@app.command()
def bundle(
    out: Annotated[Path, typer.Argument(help="The file to write, e.g. vllm-gfx.tar.")],
    target: OneTarget = None,
    platform: Platform = None,
    wheels: Annotated[
        bool, typer.Option(help="With what dev.py makes its own .venv of, 130 to 260 MB.")
    ] = True,
) -> None:
    """Write one file with every package, for `install BUNDLE` on a machine with no network."""
    from tools.bundle import write as run

    run(target, platform, paths.callers(str(out)), with_wheels=wheels)


@app.command()
def smoke(target: OneTarget = None) -> None:
    """Build, install, generate text, serve it over HTTP; print which kernel ran."""
    from tools.smoke import smoke as run

    run(target)


@app.command(context_settings=Passed)
def test(
    context: typer.Context,
    windows: Annotated[
        bool, typer.Option("--windows", help="Only those on Windows Python; needs Wine.")
    ] = False,
) -> None:
    """Run every test (or the given ones); further arguments go to pytest."""
    from tools.suite import test as run

    run(context.args, windows)


@app.command(context_settings={**Passed, "help_option_names": []})
def serve(context: typer.Context, target: OneTarget = None) -> None:
    """Serve MODEL on 127.0.0.1 from the installed prefix; arguments go to `vllm serve`."""
    from tools.run import run

    run(target, ["vllm-gfx", "serve", *context.args])


@app.command(context_settings=Passed)
def bench(
    context: typer.Context,
    target: OneTarget = None,
    rows: RowsFile = None,
    compare: Compared = None,
    report: Reported = None,
    fail_on_regression: FailOnRegression = False,
) -> None:
    """Measure MODEL with the installed engine; append rows to a file, print and draw them.

    MODEL and all other flags go to `python -m vllm_gfx.bench`: --contestant, --only, --mode,
    --runs, --quick, --ablate and more; `bench -- --help` lists them. Plots and one HTML page go
    to build/bench.
    """
    from tools.bench import command

    command.bench(target, context.args, rows, compare, report, fail_on_regression)


@app.command(context_settings=Passed)
def doctor(context: typer.Context, target: OneTarget = None) -> None:
    """Say what the installed prefix is: versions, target, device, packages, shims, patches."""
    from tools.run import doctor as run

    run(target, context.args)


@app.command(context_settings={**Passed, "help_option_names": []})
def kernels(context: typer.Context) -> None:
    """Compile the kernels into build/kernels; arguments go to gfx_compile (--help lists them)."""
    from tools.kernels import kernels as run

    run(context.args)


@app.command()
def lint() -> None:
    """Check style and types: ruff, mypy."""
    from tools.lint import lint as run

    run()


@app.command()
def tables() -> None:
    """Write README's tables, kernels/RESOURCES.md, results/*.md from their sources."""
    from tools import kernel_results, readme
    from tools.bench import markdown
    from tools.kernels import kernels as run

    run(["table"])
    kernel_results.write()
    markdown.write()
    readme.write()


@app.command()
def lock(platform: Platform = None) -> None:
    """Resolve vLLM's requirements anew and write the stand-in's lock files."""
    from tools import standin
    from tools.console import step
    from tools.solve import ELSEWHERE

    for name in [platform] if platform else ELSEWHERE:
        with step(f"lock {name}") as current:
            current.done(f"{standin.lock(name, current)} wheels")


def run() -> int:
    """Run the command line; the exit code. A foreseen error becomes one line and 1."""
    os.environ.setdefault("RATTLER_CACHE_DIR", str(paths.RATTLER_CACHE))
    try:
        app(windows_expand_args=False)  # the shell's work, and not cmd's: `model[1]` is a name
    except ToolError as error:
        err.print(f"[red]error:[/] {escape(str(error))}")
        return 1
    except OSError as error:
        if not is_read_only(error):
            raise
        err.print(f"[red]error:[/] cannot write {escape(str(error.filename))}: {error.strerror}")
        return 1
    except SystemExit as end:
        if end.code == INTERRUPTED:
            err.print("interrupted; run the same command again to continue")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def main() -> None:
    """Run the command line and end with its exit code."""
    leave(run())
