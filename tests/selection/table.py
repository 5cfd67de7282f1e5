"""answers.yaml, filled in for every target and platform."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tools import paths, recipes, solve, variants
from tools.variants import Variant

_TABLE: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("answers.yaml").read_text("utf-8"))
TARGETS = variants.all_targets()
KINDS = {
    "all": list(TARGETS.values()),
    "cpu": [TARGETS[variants.REFERENCE]],
    "cards": [v for v in TARGETS.values() if v.has_card],
    "automatic": [v for v in TARGETS.values() if v.is_automatic],
    "integrated": [v for v in TARGETS.values() if v.has_card and not v.is_automatic],
}
_TREE = str.maketrans("├│└─", "    ")


@dataclass(frozen=True)
class Case:
    """One row of the table, filled in; `other` is `target` in a row that names one target."""

    ask: str
    platform: str
    asked: tuple[str, ...]
    isa: str | None
    answer: str
    target: Variant
    other: Variant

    def __str__(self) -> str:
        names = dict.fromkeys((self.target.name, self.other.name))
        return "-".join([self.ask, *names, self.platform]).replace(" ", "_")

    @property
    def message(self) -> Counter[str] | None:
        """The lines that the solver refuses with; None where there is an answer."""
        if self.answer not in _TABLE["messages"]:
            return None
        text = _TABLE["messages"][self.answer].format(
            T=self.target.name, O=self.other.name, kernels=version_of("gfx-kernels")
        )
        return Counter(line for row in text.splitlines() for line in _blocks(row))

    @property
    def gives(self) -> str:
        """The target whose packages are the answer."""
        word = self.answer.removeprefix("chosen ")
        return self.target.name if word == "T" else word

    @property
    def is_chosen(self) -> bool:
        """Whether gfx-auto is among the packages of the answer."""
        return self.answer.startswith("chosen ")


@cache
def version_of(name: str) -> str:
    """The version of a package of ours that its recipe says."""
    recipe = recipes.load(paths.RECIPES / name)
    return recipe.fill(str(recipe.raw["package"]["version"]))


def cases() -> Iterator[Case]:
    """Every case of every row."""
    for row in _TABLE["rows"]:
        for target, platform in itertools.product(KINDS[row["for"]], solve.ELSEWHERE):
            others = KINDS[row["others"]] if "others" in row else [target]
            for other in others:
                if "others" not in row or other is not target:
                    yield _case(row, target, other, platform)


def said(message: str) -> Counter[str]:
    """The lines of a solver's message; the order of its branches means nothing."""
    words = message.partition("Cannot solve the request because of: ")[2]
    return Counter(line.translate(_TREE).rstrip() for line in words.strip().splitlines())


def _case(row: dict[str, Any], target: Variant, other: Variant, platform: str) -> Case:
    answer = row["answer"]
    if platform not in other.platforms and "other_elsewhere" in row:
        answer = row["other_elsewhere"]
    elif platform not in target.platforms:
        answer = row.get("elsewhere", answer)
    seen = {"nothing": None, "T": target.isa[0], "O": other.isa[0]}
    return Case(
        ask=row["ask"],
        platform=platform,
        asked=("vllm", *(spec.format(T=target.name, O=other.name) for spec in row["asked"])),
        isa=seen.get(row["seen"], row["seen"]),
        answer=answer,
        target=target,
        other=other,
    )


def _blocks(row: str) -> Iterator[str]:
    """`row`, or the lines it stands for, indented as the solver draws them."""
    word, _, left_out = row.partition(" but ")
    if word == "A":
        named = [v for v in KINDS["automatic"] if v.name != left_out]
        lines = [x for v in named for x in _TABLE["A"].format(isa=v.isa[0]).splitlines()]
    else:
        lines = [row]
    for line in lines:
        text = line.lstrip()
        yield "   " * ((len(line) - len(text)) // 2) + text
