"""Every way of asking for a target, on every platform: exactly these packages or this message."""

from __future__ import annotations

from functools import cache

import pytest

from tests.selection.table import Case, cases, said, version_of
from tools import paths, solve
from tools.errors import ToolError

PER_TARGET = ("gfx-target", "gfx-kernels")


@cache
def _needed(platform: str) -> frozenset[str]:
    """What vLLM needs from the other channel, which no target changes."""
    found = solve.records(["vllm"], platform=platform)
    return frozenset(r.file_name for r in found if r.url.startswith(paths.STANDIN.as_uri()))


@cache
def _file_of(name: str) -> str:
    """The package in our channel that has one build for all targets."""
    found = [p.name for p in paths.CHANNEL.glob(f"*/{name}-*.conda")]
    (file,) = [file for file in found if file.rsplit("-", 2)[0] == name]
    return file


def _packages(case: Case) -> set[str]:
    names = [*PER_TARGET, "gfx-auto"] if case.is_chosen else PER_TARGET
    ours = {f"{name}-{version_of(name)}-{case.gives}_0.conda" for name in names}
    return ours | {_file_of("vllm"), _file_of("vllm-gfx")} | _needed(case.platform)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_answer(case: Case) -> None:
    if case.message is None:
        found = solve.records(case.asked, platform=case.platform, isa=case.isa)
        assert sorted(r.file_name for r in found) == sorted(_packages(case))
    else:
        with pytest.raises(ToolError) as refused:
            solve.records(case.asked, platform=case.platform, isa=case.isa)
        assert said(str(refused.value)) == case.message
