"""Command line: `python -m gfx_bench.tune_in_layers`: the fastest plans of w4a16_linear in a model.

As `gfx_bench.tune`, for one row of x, but each plan is timed where a model has it: in a graph of
decode layers, whose other launches stand before and behind it and overlap with it. The layers are
of the models of shapes.yaml that have nothing else; two copies stand in attention's place. Run it
after `gfx_bench.tune`, which writes all shapes anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from gfx_kernels import shapes
from gfx_kernels.fused_add_rms_norm import launcher as fused_add_rms_norm
from gfx_kernels.reshape_and_cache_flash import launcher as reshape_and_cache_flash
from gfx_kernels.rotary_embedding import launcher as rotary_embedding
from gfx_kernels.silu_and_mul import launcher as silu_and_mul
from gfx_kernels.w4a16_linear import cases, launcher, plan, tuning

from gfx_bench import timing, tune
from gfx_bench.device import Gpu

DEPTH = 12  # layers with weights of their own: together larger than any cache
REPLAYS, REPLAYS_OF_FINALISTS = 6, 40
WORTH = 0.99  # of a layer's time; the same plan, timed again, differs by half of that
LINEARS = ("down", "gate_up", "o", "qkv")
Plans = dict[str, plan.Plan]


def main() -> None:
    known = [name for name, model in shapes.models().items() if _plain(model)]
    parser = argparse.ArgumentParser(prog="python -m gfx_bench.tune_in_layers", description=__doc__)
    parser.add_argument("--out", type=Path, help="default: the device's file in the package")
    parser.add_argument("--model", nargs="+", choices=known, default=known)
    options = parser.parse_args()
    device, arch = Gpu(), tune.current_arch()
    data = tune.of_device(arch)
    for name in options.model:
        for linear, choice in _best(device, arch, Layers(shapes.models()[name])):
            tune.rows_of(linear, data)[1] = choice
    tune.write(options.out or tune.file(arch), arch, data["shapes"])


def _plain(model: shapes.Model) -> bool:
    named = {linear.layer for linear in model.w4}
    return named == set(LINEARS) and not model.experts and model.activation == "silu"


class Layers:
    """DEPTH decode layers of a model for one token, with random weights."""

    def __init__(self, model: shapes.Model) -> None:
        self.model, (heads,) = model, model.attention
        self.dtype = getattr(torch, model.dtype)
        self.cases = {x.layer: self._case(x) for x in model.w4}
        self.weights = {n: tune.weights(c, DEPTH) for n, c in self.cases.items()}
        self.x, self.residual = self._row(model.hidden), self._row(model.hidden)
        self.out = {n: self._row(c.n) for n, c in self.cases.items() if n not in ("o", "down")}
        self.act, self.half = self._row(model.intermediate), self._row(self.cases["o"].k)
        self.attention, self.norm = self._row(self.cases["o"].k), self._row(model.hidden)[0]
        sizes = [heads.heads * heads.head_size, *[heads.kv_heads * heads.head_size] * 2]
        self.query, key, value = self.out["qkv"].split(sizes, dim=1)
        self.key, self.value = (t.unflatten(1, (heads.kv_heads, -1)) for t in (key, value))
        self.position = torch.zeros(1, dtype=torch.int64, device="cuda")
        self.angles = torch.rand(4096, heads.rotary, device="cuda").to(self.dtype)
        self.cache = self._row(16 * sizes[1]).view(1, 16, heads.kv_heads, heads.head_size)
        self.scale = torch.ones((), device="cuda")

    def _case(self, linear: shapes.Linear) -> cases.Case:
        return cases.Case(1, linear.k, linear.n, linear.group_size, self.dtype, linear.zeros)

    def _row(self, size: int) -> torch.Tensor:
        return torch.randn(1, size, device="cuda").to(self.dtype)

    def run(self, layer: int, plans: Plans) -> None:
        """One layer's launches."""
        linear = partial(self._linear, plans, layer)
        if layer == 0:
            self.residual.zero_()  # else it grows past float16's range, replay by replay
        fused_add_rms_norm.launch(self.x, self.residual, self.norm, 1e-6)
        linear("qkv", self.x, self.out["qkv"])
        self._attend()
        linear("o", self.attention, self.x)
        fused_add_rms_norm.launch(self.x, self.residual, self.norm, 1e-6)
        linear("gate_up", self.x, self.out["gate_up"])
        silu_and_mul.launch(self.act, self.out["gate_up"])
        linear("down", self.act, self.x)

    def _linear(
        self, plans: Plans, layer: int, name: str, x: torch.Tensor, out: torch.Tensor
    ) -> None:
        launcher.launch(plans[name], out, x, *self.weights[name][layer], None)

    def _attend(self) -> None:
        size, key = self.model.attention[0].head_size, self.key.flatten(1)
        rotary_embedding.launch(self.position, self.query, key, size, self.angles, True)
        kept = (self.key, self.value, self.cache, self.cache, self.position)
        reshape_and_cache_flash.launch(*kept, "auto", self.scale, self.scale)
        self.half.copy_(self.query)
        self.attention.copy_(self.half)


def _best(device: Gpu, arch: str, layers: Layers) -> Iterator[tuple[str, list[int]]]:
    """Shapes of linear layers, with choices that make the model's layers faster."""
    todo = {n: _known(arch, case) for n, case in layers.cases.items()}
    for name in LINEARS:
        case, found = layers.cases[name], []
        for choice, made in tune.plans(arch, case, 1):
            _check(layers, name, choice, [todo[name], made])
            (us,) = _time(device, layers, [{**todo, name: made}], REPLAYS)
            found.append((us, choice, made))
        last = sorted(found, key=lambda row: row[0])[: tune.FINALISTS]
        turns = [todo, *({**todo, name: made} for _, _, made in last)]
        before, *times = _time(device, layers, turns, REPLAYS_OF_FINALISTS)
        us, (_, choice, made) = min(zip(times, last, strict=True), key=lambda row: row[0])
        shape, what = f"{case.k}x{case.n}", f"{layers.model.name} {name}"
        print(f"{what} {shape}: {choice}, a layer {us:.2f} us, was {before:.2f}", flush=True)
        if us < before * WORTH:
            todo[name] = made
            yield shape, choice


def _known(arch: str, case: cases.Case) -> plan.Plan:
    return tune.made(arch, case, 1, tuning.choice(arch, 1, case.n, case.k))


def _check(layers: Layers, name: str, choice: list[int], both: list[plan.Plan]) -> None:
    """Raises SystemExit if the second plan computes something else than the first."""
    case, weights = layers.cases[name], layers.weights[name][0]
    x = torch.ones(1, case.k, device="cuda", dtype=case.dtype)
    outs = [torch.full((1, case.n), float("nan"), device="cuda", dtype=case.dtype) for _ in both]
    for todo, out in zip(both, outs, strict=True):
        launcher.launch(todo, out, x, *weights, None)
    tune.check(choice, outs[1], outs[0], cases.TOLERANCE[case.dtype])


def _time(device: Gpu, layers: Layers, turns: list[Plans], replays: int) -> list[float]:
    """Microseconds of a layer with each of the plans, in turns."""
    calls = [[partial(layers.run, i, plans) for i in range(DEPTH)] for plans in turns]
    spreads = timing.interleaved(device, [timing.graph(device, c) for c in calls], replays)
    if not bool(layers.x.isfinite().all()):
        raise SystemExit("the layers' numbers are no numbers any more")
    return [spread.median for spread in spreads]


if __name__ == "__main__":
    main()
