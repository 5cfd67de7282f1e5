"""PyPI requirements in conda's words: names from conda_names.yaml, versions from PEP 440."""

from functools import cache
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import Specifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

TABLE = Path(__file__).with_name("conda_names.yaml")


@cache
def _table() -> dict[str, str]:
    table: dict[str, str] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return table


def conda_name(pypi_name: str) -> str:
    """The conda-forge package that holds this PyPI distribution."""
    name = canonicalize_name(pypi_name)
    return _table().get(name, name)


def conda_spec(requirement: Requirement) -> str:
    """`name versions` as a conda match spec; marker and extras are the caller's business."""
    return f"{conda_name(requirement.name)} {conda_versions(requirement.specifier)}".strip()


def conda_version(version: str) -> str:
    """A PEP 440 version as conda writes it: no local part, no dash."""
    return Version(version).public


def conda_versions(specifiers: SpecifierSet) -> str:
    """PEP 440 version clauses as conda's, sorted; "" if any version will do."""
    return ",".join(sorted(_clause(specifier) for specifier in specifiers))


def _clause(specifier: Specifier) -> str:
    version = specifier.version.split("+")[0]
    if specifier.operator == "~=":
        return f">={version},{version.rsplit('.', 1)[0]}.*"
    if specifier.operator == "==" and version.endswith(".*"):
        return version
    if specifier.operator == "===":
        return f"=={version}"
    return f"{specifier.operator}{version}"
