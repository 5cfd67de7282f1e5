"""PyPI requirements in conda's words."""

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rattler import MatchSpec, Version, VersionSpec

from tools.standin import lockfile, names, platforms, programs


@pytest.mark.parametrize(
    ("pypi", "conda"),
    [
        ("torch==2.13.0+cpu", "pytorch ==2.13.0"),
        ("opencv-python-headless >= 4.13", "py-opencv >=4.13"),
        ("Typing.Extensions", "typing_extensions"),
        ("fastapi[standard] >=0.133,<0.137", "fastapi <0.137,>=0.133"),
        ("x~=1.4.2", "x >=1.4.2,1.4.*"),
        ("x==1.4.*,!=1.4.3", "x !=1.4.3,1.4.*"),
        ("x===1.0", "x ==1.0"),
    ],
)
def test_a_requirement_becomes_a_match_spec(pypi: str, conda: str) -> None:
    assert names.conda_spec(Requirement(pypi)) == conda
    MatchSpec(conda)


@pytest.mark.parametrize("clauses", ["~=2.2", ">=1,!=1.5.*", "==3.*", ">0.66b1", "<2,>=1.0.post1"])
def test_conda_means_the_same_versions(clauses: str) -> None:
    requirement = Requirement(f"x{clauses}")
    spec = VersionSpec(names.conda_versions(requirement.specifier))
    for version in ("0.66b2", "1.0", "1.0.post2", "1.5.3", "2.1.9", "2.2", "2.10", "3.0", "3.0.1"):
        expected = requirement.specifier.contains(version, prereleases=True)
        assert spec.matches(Version(version)) == expected, version


def test_the_table_holds_only_names_that_differ_and_are_used() -> None:
    table = names._table()
    locks = [lockfile.read(platforms.get(name)) for name in ("linux-64", "win-64")]
    locked = {pin.name for pins in locks for pin in pins}
    assert {pypi for pypi, conda in table.items() if pypi == conda} == set()
    assert {pypi for pypi in table if canonicalize_name(pypi) != pypi} == set()
    assert set(table) - locked == set()
    assert set(programs._table()) - locked == set()


def test_no_two_distributions_become_one_package() -> None:
    for name in ("linux-64", "win-64"):
        pins = lockfile.read(platforms.get(name))
        assert len({names.conda_name(pin.name) for pin in pins}) == len(pins)
