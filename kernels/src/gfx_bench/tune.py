"""Command line: `python -m gfx_bench.tune`: find the fastest plan of w4a16_linear on this GPU.

Every choice for every shape of the case table is run once against the reference's tolerance and
timed as a graph over rotated weights; the fastest go into `tune/<arch>.yaml` under `shapes`.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import astuple
from functools import partial
from pathlib import Path
from textwrap import indent
from typing import Any

import torch
import yaml
from gfx_kernels import rows as row_types
from gfx_kernels.w4a16_linear import cases, launcher, plan, tuning
from gfx_kernels.w4a16_linear.staging import Shape

from gfx_bench import timing
from gfx_bench.device import Gpu

ROWS = (1, 2, 4, 8, 16, 32)
WAVES = (4, 6, 8, 10, 12, 16)
STEPS = ((1, 64), (2, 64), (1, 4), (2, 4), (2, 2), (3, 2), (4, 1))  # depth, chunks
PER_PROCESSOR = (1, 2, 3, 4, 6)
ALONE = (0, 1)
# Of more than 8 rows: waves across outputs, along inputs; stages in flight; blocks of a cluster.
MANY = ((1, 2, 3, 4, 6, 8), (1, 2, 4, 8), (1, 2, 3, 4, 6), (1, 4))
WAVES_OF_A_BLOCK = 16
REPLAYS = 5
FINALISTS = 6  # timed again with the weights elsewhere in memory, which can make a difference
WAVES_OF_A_PROCESSOR = 32  # that 64 registers a thread leave room for

SHAPES = "\nshapes:\n"  # in a device's file, of which they are the end
Shapes = dict[str, dict[int, list[int]]]
Weights = list[tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gfx_bench.tune", description=__doc__)
    parser.add_argument("--out", type=Path, help="default: the device's file in the package")
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    options = parser.parse_args()
    device, arch = Gpu(), current_arch()
    data = of_device(arch)
    todo = {(c.k, c.n): c for c in cases.BENCH}
    for done, case in enumerate(todo.values(), 1):
        count = timing.copies(case.n * case.k // 2)
        places = [weights(case, count), weights(case, count)]
        best = {m: _best(device, arch, case, m, places) for m in options.rows}
        rows_of(f"{case.k}x{case.n}", data).update({m: choice for m, (choice, _) in best.items()})
        said = ", ".join(f"{m}: {choice} {us:.2f} us" for m, (choice, us) in best.items())
        print(f"{done} of {len(todo)}: {case.layer} {case.k}x{case.n}: {said}", flush=True)
    write(options.out or file(arch), arch, data["shapes"])


def current_arch() -> str:
    """The architecture of this process's GPU."""
    return "sm_{}{}".format(*torch.cuda.get_device_capability())


def file(arch: str) -> Path:
    """Where a device's plans are kept."""
    return tuning.FOLDER / f"{arch}.yaml"


def of_device(arch: str) -> dict[str, Any]:
    """A copy of what the device's file says. Raises SystemExit if it cannot be tuned."""
    if not file(arch).is_file():
        raise SystemExit(f"{arch} has no plans to choose from: {file(arch)} is not there")
    text = file(arch).read_text("utf-8")
    own: dict[str, Any] = yaml.safe_load(text)
    if "default" not in own:
        raise SystemExit(f"{arch} has no plans to choose from: {file(arch)} has no `default`")
    if list(own)[-1] != "shapes" or SHAPES not in text:
        raise SystemExit(f"{file(arch)} has to end with a line `shapes:` and what is tuned")
    own["shapes"] = own["shapes"] or {}
    return own


def rows_of(shape: str, data: dict[str, Any]) -> dict[int, list[int]]:
    """The plans of a shape by rows of x, to be changed; rows that are left out have the default."""
    rows: dict[int, list[int]] = data["shapes"].setdefault(shape, {})
    return rows


def write(out: Path, arch: str, shapes: Shapes) -> None:
    """The device's file with these shapes; what stands before them stays, with its comments."""
    head, _, _ = file(arch).read_text("utf-8").partition(SHAPES)
    said = yaml.safe_dump(shapes, sort_keys=False, default_flow_style=None)
    out.write_text(head + SHAPES + indent(said, "  "), "utf-8")


def weights(case: cases.Case, count: int) -> Weights:
    """`count` copies of random weights of the case's shape."""
    made = cases.packed_weight(case, device="cuda")
    zeros = made.zeros
    return [
        (made.qweight.clone(), made.scales.clone(), None if zeros is None else zeros.clone())
        for _ in range(count)
    ]


def _best(
    device: Gpu, arch: str, case: cases.Case, m: int, places: list[Weights]
) -> tuple[list[int], float]:
    """The choice that is fastest where it is slowest, as the file writes it; its microseconds."""
    x = torch.randn(m, case.k, device="cuda").to(case.dtype)
    out = torch.empty(m, case.n, device="cuda", dtype=case.dtype)
    wanted: torch.Tensor | None = None
    found: list[tuple[float, list[int], plan.Plan]] = []
    for choice, todo in plans(arch, case, m):
        out.fill_(float("nan"))
        us = _time(device, todo, out, x, places[0])
        wanted = out.clone() if wanted is None else wanted
        check(choice, out, wanted, cases.TOLERANCE[case.dtype])
        found.append((us, choice, todo))
    found.sort(key=lambda row: row[0])
    again = [
        (max(us, _time(device, todo, out, x, places[1])), choice)
        for us, choice, todo in found[:FINALISTS]
    ]
    us, choice = min(again)
    return choice, us


def _time(
    device: Gpu, todo: plan.Plan, out: torch.Tensor, x: torch.Tensor, copies: Weights
) -> float:
    calls = [partial(launcher.launch, todo, out, x, *copy, None) for copy in copies]
    return timing.interleaved(device, [timing.graph(device, calls)], REPLAYS)[0].median


def check(choice: list[int], out: torch.Tensor, wanted: torch.Tensor, most: float) -> None:
    error = (out.float() - wanted.float()).abs().max() / wanted.float().abs().max()
    if not float(error) <= most:
        raise SystemExit(f"{choice} computes something else than the first choice: {error:.2g}")


def plans(arch: str, case: cases.Case, m: int) -> Iterator[tuple[list[int], plan.Plan]]:
    """Choices that differ in what is launched, and fit on a processor."""
    seen: set[plan.Plan] = set()
    for choice, found in (_of_few if m <= plan.ROWS[-1] else _of_many)(arch, case, m):
        if found not in seen:
            seen.add(found)
            yield list(astuple(choice)), found


def _of_few(arch: str, case: cases.Case, m: int) -> Iterator[tuple[tuning.Choice, plan.Plan]]:
    data = tuning.of(arch)
    reserved = data["reserved_bytes"]
    of_processor = data["shared_bytes"] + reserved
    for waves, at_once, per, alone in itertools.product(WAVES, STEPS, PER_PROCESSOR, ALONE):
        choice = tuning.Choice(waves, *at_once, per, alone)
        found = made(arch, case, m, choice)
        fits = (
            per * waves <= WAVES_OF_A_PROCESSOR and per * (found.shared + reserved) <= of_processor
        )
        if fits or per == 1:
            yield choice, found


def _of_many(arch: str, case: cases.Case, m: int) -> Iterator[tuple[tuning.Many, plan.Plan]]:
    for numbers in itertools.product(*MANY):
        choice = tuning.Many(*numbers)
        if choice.across * choice.parts <= WAVES_OF_A_BLOCK:
            yield choice, plan.many_rows(arch, *_problem(case, m), choice)


def made(arch: str, case: cases.Case, m: int, choice: tuning.Choice) -> plan.Plan:
    """The plan of a choice for `m` rows of x."""
    return plan.mma(arch, *_problem(case, m), choice)


def _problem(case: cases.Case, m: int) -> tuple[str, Shape]:
    return row_types.TYPES[case.dtype], Shape(m, case.n, case.k, case.groups, case.zeros)


if __name__ == "__main__":
    main()
