"""Before anything is built: do these wheels fit their recipes, and each other?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recipes.repack import Layout, OpenedWheel, WheelError
from recipes.repack.commands import same_commands
from tools import paths
from tools.errors import ToolError
from tools.rocm import store
from tools.rocm.jobs import StackJob
from tools.standin import names
from tools.standin.wheel import Wheel

EXPECTED = "the file is damaged or another than its name says: download it again, or pin it anew"

# The wheel and its member that lie at a path, for one Python.
Owners = dict[tuple[str, str], tuple[str, str]]


def check(jobs: Sequence[StackJob]) -> None:
    """Raise ToolError for the first wheel that is not what its recipe says it is.

    Contents are compared with RECORD later, while they are unpacked; reading them takes a while.
    """
    owners: Owners = {}
    for job in jobs:
        if job.wheel and job.wheel.endswith(".whl"):
            for member, path in _files(job):
                _own(owners, job, member, path)
            _requires(job)


def _files(job: StackJob) -> list[tuple[str, str]]:
    """The wheel's members, and where they will lie below a prefix."""
    windows = job.on.startswith("win-")
    context = job.rendered.recipe.to_dict()["context"]
    layout = Layout(Path(), str(context["site"]), "Scripts" if windows else "bin")
    try:
        with OpenedWheel(job.file) as wheel:
            same_commands(wheel, job.recipe.file, windows)
            return [(member, layout.destination(wheel, member)) for member in wheel.members]
    except WheelError as error:
        raise ToolError(str(error), EXPECTED) from None


def _own(owners: Owners, job: StackJob, member: str, path: str) -> None:
    """One file has one owner, on Windows whatever its case, or an installation would lose one."""
    assert job.wheel
    # The wheels of two Pythons never meet in one environment.
    python = job.python if "py" in job.recipe.use_keys else ""
    site = path.lower() if job.on.startswith("win-") else path
    wheel, other = owners.setdefault((python, site), (job.wheel, member))
    if wheel == job.wheel and other != member:
        raise ToolError(
            f"{wheel} holds {other} and {member}, which are one file on {job.on}",
            "an installation would lose one; this wheel cannot be packed",
        )
    if wheel != job.wheel:
        raise ToolError(
            f"{wheel} and {job.wheel} both hold {path}",
            "they cannot be installed together; pin versions that belong together",
        )


def _requires(job: StackJob) -> None:
    """Whatever the wheel requires, by name, the recipe requires too."""
    wheel = Wheel(job.file)
    asked = {
        names.conda_name(r.name) for r in wheel.requires(store.with_python(job.on, job.python), ())
    }
    recipe = job.rendered.recipe.to_dict()["requirements"]
    kinds = ("run", "run_constraints")
    ours = {str(spec).split()[0] for kind in kinds for spec in recipe.get(kind) or []}
    if missing := sorted(asked - ours):
        raise ToolError(
            f"{job.wheel} requires {', '.join(missing)}",
            f"add it to the run requirements of {paths.shown(job.recipe.file)}",
        )
