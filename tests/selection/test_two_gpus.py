"""Two GPUs in one machine: a client reports one to the solver, and which one is its rule."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.selection.table import KINDS, TARGETS
from tools import solve
from tools.errors import ToolError

GPUS = yaml.safe_load(Path(__file__).with_name("gpus.yaml").read_text("utf-8"))
NAMES = {v.isa[0]: v.name for v in TARGETS.values() if v.has_card}


@dataclass(frozen=True)
class Gpu:
    name: str
    isa: str
    units: int

    @property
    def version(self) -> tuple[int, ...]:
        return tuple(map(int, self.isa.split(".")))


def _most_units(gpus: tuple[Gpu, ...]) -> Gpu:
    """py-rattler's rule, and pixi's that follow it; the ISA decides between equal ones."""
    return max(gpus, key=lambda gpu: (gpu.units, gpu.version))


def _highest_isa(gpus: tuple[Gpu, ...]) -> Gpu:
    """The rule in the text of the standard's draft (conda/ceps#189)."""
    return max(gpus, key=lambda gpu: gpu.version)


RULES = (_most_units, _highest_isa)
INTEGRATED, CARDS = (
    [Gpu(name, isa, units) for name, (isa, units) in GPUS[kind].items()]
    for kind in ("integrated", "cards")
)
LAPTOPS = list(itertools.product(INTEGRATED, CARDS))
PAIRS = [(a, b) for a, b in itertools.combinations(CARDS, 2) if a.isa != b.isa]


@cache
def _chosen(isa: str) -> str:
    """The target that gfx-auto gives where the solver sees `isa`; `refused` if it gives none."""
    try:
        found = solve.records(["vllm", "gfx-auto"], platform="linux-64", isa=isa)
    except ToolError as error:
        assert "__amdgpu_arch" in str(error)
        return "refused"
    (record,) = [r for r in found if r.name.normalized == "gfx-target"]
    return str(record.build).removesuffix("_0")


def test_the_gpus_are_of_every_target_and_of_others() -> None:
    assert {gpu.isa for gpu in CARDS} == {v.isa[0] for v in KINDS["automatic"]}
    assert {gpu.isa for gpu in INTEGRATED} > {v.isa[0] for v in KINDS["integrated"]}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__.strip("_"))
@pytest.mark.parametrize(("inside", "card"), LAPTOPS, ids=lambda gpu: gpu.name)
def test_the_gpu_of_a_processor_never_wins(
    rule: Callable[[tuple[Gpu, ...]], Gpu], inside: Gpu, card: Gpu
) -> None:
    """The card's target, or none where the client reports the other GPU: never that GPU's."""
    seen = rule((inside, card))
    assert _chosen(seen.isa) == (NAMES[card.isa] if seen is card else "refused")


def test_without_that_it_would_win() -> None:
    """Both rules report the processor's GPU beside some cards, and it has a target."""
    for rule in RULES:
        lost = {card.name for inside, card in LAPTOPS if rule((inside, card)) is inside}
        assert {"Radeon RX 7600 XT", "Radeon PRO W7500"} <= lost
    assert _highest_isa((INTEGRATED[-1], CARDS[3])) is INTEGRATED[-1]
    assert INTEGRATED[-1].isa in NAMES and CARDS[3].name == "Radeon RX 7900 XTX"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__.strip("_"))
@pytest.mark.parametrize(("one", "two"), PAIRS, ids=lambda gpu: gpu.name)
def test_of_two_cards_the_reported_one_is_served(
    rule: Callable[[tuple[Gpu, ...]], Gpu], one: Gpu, two: Gpu
) -> None:
    assert _chosen(rule((one, two)).isa) == NAMES[rule((two, one)).isa]


def test_the_user_may_say_which_gpu_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard's variables, read on the machine that solves."""
    monkeypatch.setenv("CONDA_OVERRIDE_AMDGPU", "0")
    monkeypatch.setenv("CONDA_OVERRIDE_AMDGPU_ARCH", "11.0.2")
    found = solve.records(["vllm", "gfx-auto"])
    assert {str(r.build) for r in found if r.name.normalized == "gfx-target"} == {"gfx1102_0"}


def test_a_gpu_that_is_misspelt_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDA_OVERRIDE_AMDGPU", "0")
    monkeypatch.setenv("CONDA_OVERRIDE_AMDGPU_ARCH", "gfx1102")
    with pytest.raises(ToolError, match=r"CONDA_OVERRIDE_.*'gfx1102'.*'11\.0\.0'") as refused:
        solve.records(["vllm", "gfx-auto"])
    assert "\n" not in str(refused.value)
