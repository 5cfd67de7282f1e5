"""The committed locks: made from today's inputs, complete, for their platform, naming no place."""

import re

import pytest
from packaging.requirements import Requirement

from tools import standin
from tools.errors import ToolError
from tools.standin import lockfile, platforms, requirements
from tools.standin.platforms import Platform


@pytest.fixture(params=["linux-64", "win-64"])
def platform(request: pytest.FixtureRequest) -> Platform:
    return platforms.get(request.param)


@pytest.fixture(scope="module")
def common() -> str:
    """vLLM's requirements; `python dev.py fetch` brings the file they are in."""
    return standin.vllm_requirements(print)


def test_the_lock_is_made_from_the_current_inputs(platform: Platform, common: str) -> None:
    current = requirements.digest(platform, common)
    assert lockfile.inputs_digest(platform) == current, "run `python dev.py lock`"


def test_the_digest_follows_every_input(
    platform: Platform, common: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = requirements.digest(platform, common)
    assert requirements.digest(platform, common + "\nmore\n") != before
    assert requirements.digest(platform, common + '\nmore; sys_platform == "sunos"\n') == before
    newer = {**platforms.pins(), "torch": "2.14.0"}
    monkeypatch.setattr(requirements, "pins", lambda: newer)
    assert requirements.digest(platform, common) != before


def test_the_lock_satisfies_everything_asked_for(platform: Platform, common: str) -> None:
    locked = {pin.name: pin for pin in lockfile.read(platform)}
    roots = requirements.roots(platform, common)
    assert len(roots) > 60
    for root in [*roots, *requirements.extra(platform)[1]]:
        pin = locked[Requirement(str(root)).name.lower().replace("_", "-")]
        assert root.specifier.contains(pin.version, prereleases=True), f"{pin.name} for {root}"
        assert root.extras <= set(pin.extras), f"{pin.name} for {root}"


def test_what_windows_misses_by_its_markers_is_locked_there(common: str) -> None:
    windows = platforms.get("win-64")
    unmarked = {str(r): r.marker for r in requirements.roots(windows, common)}
    assert unmarked["xgrammar==0.2.8"] is None
    names = {pin.name for pin in lockfile.read(windows)}
    assert {"xgrammar", "llguidance", "lm-format-enforcer"} <= names
    assert "triton" not in names


def test_torch_is_a_cpu_build(platform: Platform) -> None:
    pins = {pin.name: pin.version for pin in lockfile.read(platform)}
    assert pins["torch"] == platforms.pins()["torch"] + platform.torch_local
    assert [name for name in pins if name.startswith(("nvidia-", "cuda-"))] == []


def test_a_lock_names_no_index_and_no_folder(platform: Platform) -> None:
    text = lockfile.path(platform).read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(lockfile.LINE, row) for row in rows)
    assert "//" not in text
    names = [pin.name for pin in lockfile.read(platform)]
    assert names == sorted(set(names))


def test_a_bad_line_is_named(platform: Platform, write_lock: object) -> None:
    lockfile.path(platform).write_text("some==1.0\n", encoding="utf-8")
    with pytest.raises(ToolError, match=r"bad line 'some==1\.0'; run `python dev\.py lock`"):
        lockfile.read(platform)


def test_an_option_in_a_requirements_file_is_refused() -> None:
    assert [r.name for r in requirements.parse("a>=1 # why\n# b\n\nc\n")] == ["a", "c"]
    with pytest.raises(ToolError, match=r"-r other\.txt"):
        requirements.parse("a\n-r other.txt\n")


def test_an_unknown_platform_is_named() -> None:
    with pytest.raises(ToolError, match="no stand-in channel for platform 'osx-64'; known: linux"):
        platforms.get("osx-64")
