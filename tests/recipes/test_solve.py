"""The solver's answer for every target, asked for in every way."""

from __future__ import annotations

import pytest

from tools import solve, variants
from tools.errors import ToolError

TARGETS = variants.all_targets()
CARDS = [v for v in TARGETS.values() if v.has_card]
PAIRS = [(v.name, p) for v in TARGETS.values() for p in v.platforms]


def _target(*specs: str, platform: str | None = None, isa: str | None = None) -> dict[str, str]:
    """Build strings of the packages that have one build per target."""
    found = solve.records(specs, platform=platform, isa=isa)
    per_target = ("gfx-target", "gfx-kernels", "gfx-auto")
    return {r.name.normalized: str(r.build) for r in found if r.name.normalized in per_target}


@pytest.mark.parametrize(("target", "platform"), PAIRS)
def test_asked(target: str, platform: str) -> None:
    found = _target("vllm", *solve.asks_for(target), platform=platform)
    assert found == {"gfx-target": f"{target}_0", "gfx-kernels": f"{target}_0"}


@pytest.mark.parametrize("isa", [None, *(v.isa[0] for v in CARDS)])
@pytest.mark.parametrize("platform", list(solve.ELSEWHERE))
def test_nothing_asked_is_cpu_whatever_the_card(platform: str, isa: str | None) -> None:
    found = _target("vllm", platform=platform, isa=isa)
    assert found == {"gfx-target": "cpu_0", "gfx-kernels": "cpu_0"}


@pytest.mark.parametrize("variant", CARDS, ids=lambda v: v.name)
def test_auto_follows_the_card(variant: variants.Variant) -> None:
    name = variant.name
    found = _target("vllm", "gfx-auto", isa=variant.isa[0])
    assert found == dict.fromkeys(("gfx-target", "gfx-kernels", "gfx-auto"), f"{name}_0")


@pytest.mark.parametrize("isa", [None, "10.3.1"])
def test_auto_without_a_listed_card_says_so(isa: str | None) -> None:
    with pytest.raises(ToolError, match="__amdgpu_arch"):
        _target("vllm", "gfx-auto", isa=isa)


@pytest.mark.parametrize("variant", CARDS, ids=lambda v: v.name)
def test_auto_and_another_target_contradict(variant: variants.Variant) -> None:
    with pytest.raises(ToolError, match="gfx-target"):
        _target("vllm", "gfx-auto", *solve.asks_for("cpu"), isa=variant.isa[0])


@pytest.mark.parametrize("target", [t for t in TARGETS if t != "cpu"])
def test_two_targets_contradict(target: str) -> None:
    with pytest.raises(ToolError, match="gfx-target"):
        _target("vllm", *solve.asks_for("cpu"), *solve.asks_for(target))


def test_triton_is_the_one_that_pairs_with_torch() -> None:
    found = {r.name.normalized: str(r.version) for r in solve.records(["vllm"])}
    assert (found["pytorch"], found["triton"]) == ("2.13.0", "3.7.1")


def test_another_torch_is_refused() -> None:
    with pytest.raises(ToolError, match="pytorch"):
        solve.records(["vllm", "pytorch ==2.12.0"])


@pytest.mark.parametrize("target", [v.name for v in CARDS if len(v.platforms) > 1])
def test_every_platform_gets_the_same_bytes(target: str) -> None:
    found = [
        [
            r.sha256
            for r in solve.records(["gfx-kernels", *solve.asks_for(target)], platform=p)
            if r.name.normalized == "gfx-kernels"
        ]
        for p in TARGETS[target].platforms
    ]
    assert len(found) > 1 and found[0] and all(one == found[0] for one in found)
