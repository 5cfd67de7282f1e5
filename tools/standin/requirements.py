"""What the stand-in must be able to install: vLLM's own requirements and a few of ours."""

import hashlib
import tarfile
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

from tools.errors import ToolError
from tools.standin.platforms import Platform, pins

EXTRA = Path(__file__).with_name("extra.yaml")


def parse(text: str) -> list[Requirement]:
    """The requirements of a requirements.txt; raises ToolError for a line with an option."""
    lines = (line.split(" #")[0].split("\t#")[0].strip() for line in text.splitlines())
    found = [line for line in lines if line and not line.startswith("#")]
    if options := [line for line in found if line.startswith("-")]:
        raise ToolError(f"requirements file has an option we do not follow: {options[0]}")
    return [Requirement(line) for line in found]


def vllm_common(sdist: Path) -> str:
    """The text of requirements/common.txt in vLLM's sdist."""
    return of_vllm(sdist, "common")


def of_vllm(sdist: Path, target: str) -> str:
    """The text of requirements/`target`.txt in vLLM's sdist."""
    try:
        with tarfile.open(sdist) as archive:
            name = next(n for n in archive.getnames() if n.endswith(f"/requirements/{target}.txt"))
            file = archive.extractfile(name)
            assert file is not None
            return file.read().decode("utf-8")
    except (OSError, EOFError, StopIteration, tarfile.TarError) as error:
        raise ToolError(
            f"{sdist}: not a complete vLLM sdist ({error})", "run `python dev.py fetch` first"
        ) from error


def extra(platform: Platform) -> tuple[list[Requirement], list[Requirement]]:
    """Requirements and constraints of extra.yaml that hold for `platform`."""
    table = _table()
    return _rows(table["requirements"], platform), _rows(table["constraints"], platform)


def roots(platform: Platform, common: str) -> list[Requirement]:
    """Everything asked for on `platform`: common.txt with its markers applied, then extra.yaml."""
    unmarked = {row["name"] for row in _table()["unmarked"]}
    theirs = parse(common)
    for requirement in theirs:
        if requirement.name in unmarked:
            requirement.marker = None
    hold = [r for r in theirs if not r.marker or r.marker.evaluate(platform.markers)]
    return hold + extra(platform)[0]


def digest(platform: Platform, common: str) -> str:
    """Changes when the lock of `platform` may have to change."""
    constraints = extra(platform)[1]
    lines = sorted(map(str, roots(platform, common))) + sorted(map(str, constraints))
    text = "\n".join([platform.python, platform.uv_platform, *lines])
    return hashlib.sha256(text.encode()).hexdigest()


def _table() -> dict[str, list[dict[str, Any]]]:
    table: dict[str, list[dict[str, Any]]] = yaml.safe_load(EXTRA.read_text(encoding="utf-8"))
    return table


def _rows(rows: list[dict[str, Any]], platform: Platform) -> list[Requirement]:
    values = {**pins(), "torch_local": platform.torch_local}
    wanted = [row for row in rows if platform.name in row.get("platforms", [platform.name])]
    return [Requirement(row["spec"].format(**values)) for row in wanted]
