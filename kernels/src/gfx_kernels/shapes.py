"""The layers of `shapes.yaml`, as data classes: what case tables and benchmarks read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).with_name("shapes.yaml")


@dataclass(frozen=True)
class Linear:
    """A layer of `k` inputs and `n` outputs; `group_size` is 0 where weights are not quantised."""

    model: str
    layer: str
    k: int
    n: int
    group_size: int = 0
    zeros: bool = False

    @property
    def name(self) -> str:
        return f"{self.model}/{self.layer}"


@dataclass(frozen=True)
class Attention:
    """Heads of `head_size`, of which the first `rotary` values are rotated."""

    heads: int
    kv_heads: int
    head_size: int
    rotary: int


@dataclass(frozen=True)
class Model:
    """One entry of `shapes.yaml`; `experts` are the linears of one expert, also quantised."""

    name: str
    format: str
    dtype: str
    layers: int
    hidden: int
    intermediate: int
    activation: str
    attention: tuple[Attention, ...]
    w4: tuple[Linear, ...]
    experts: tuple[Linear, ...]
    dense: tuple[Linear, ...]


@cache
def models() -> dict[str, Model]:
    """Every model by name, in the file's order."""
    data = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {name: _model(name, entry) for name, entry in data.items()}


def w4_linears() -> tuple[Linear, ...]:
    """Every 4-bit linear layer of every model, experts' too."""
    return tuple(linear for m in models().values() for linear in (*m.w4, *m.experts))


def dense_linears() -> tuple[Linear, ...]:
    """Every 16-bit linear layer of every model."""
    return tuple(linear for m in models().values() for linear in m.dense)


def _model(name: str, entry: dict[str, Any]) -> Model:
    quantised = {"group_size": entry.pop("group_size"), "zeros": entry.pop("zeros")}

    def linears(key: str, prefix: str = "", **more: Any) -> tuple[Linear, ...]:
        found = entry.pop(key, {}).items()
        return tuple(Linear(name, prefix + layer, k, n, **more) for layer, (k, n) in found)

    return Model(
        name=name,
        attention=tuple(Attention(**geometry) for geometry in entry.pop("attention")),
        w4=linears("w4", **quantised),
        experts=linears("experts", "expert_", **quantised),
        dense=linears("dense"),
        **entry,
    )
