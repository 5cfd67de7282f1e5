"""Run every shipped kernel in the emulator, through its op's launcher, against its reference.

`python -m gfx_bench.emulate` writes results/emulated.jsonl, one row per kernel and target; the
tests run the same cases. It needs the repository: the mock of AMD's runtime is in tests/.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import importlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import gfx_emulator
import torch
from gfx_kernels import casework, codeobject, targets

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "kernels" / "src" / "gfx_kernels"
OBJECTS = ROOT / "build" / "kernels"
RESULTS = ROOT / "results" / "emulated.jsonl"
SEEDS = (1, 2)  # of what registers and LDS hold before anything is written there


def emulated_targets() -> list[str]:
    return sorted(t.name for t in targets.all_targets().values() if "emulated" in t.tests)


def ops() -> list[str]:
    """Every op with a kernel."""
    return sorted(file.stem for file in SOURCES.glob("*/*.hip"))


@dataclass
class Outcome:
    """What a case did: how far off it was (1 is what is allowed), and which kernels ran."""

    op: str
    case: str
    gfx: str
    error: float
    kernels: list[str]
    strays: list[str] = field(default_factory=list)
    same: bool = True  # bit for bit with both seeds
    stats: list[Any] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        found = [f"{self.error:.3g} times the allowed error"] if not self.error <= 1 else []
        found += [f"{name} changed where it must not" for name in self.strays]
        return found + ([] if self.same else ["unwritten registers or LDS change the result"])


# Changes to an op's cases that reach the kernels which none of its own reach.
MORE: dict[str, list[dict[str, Any]]] = {
    "reshape_and_cache_flash": [
        {"size": 33, "dtype": dtype, "cache": torch.float8_e4m3fnuz, "layout": "heads"}
        for dtype in (torch.float32, torch.float16, torch.bfloat16)
    ],
    "rotary_embedding": [
        {"size": 20, "rotary": 10, "dtype": torch.bfloat16, "table": torch.float32}
    ],
    "w4a16_linear": [
        {"m": 2, "zeros": False, "dtype": dtype} for dtype in (torch.float16, torch.bfloat16)
    ],
}


def cases(op: str) -> list[Any]:
    """The cases that the op marks for emulation, and MORE of them."""
    own = [case for case in _cases_module(op).CASES if case.emulate]
    return own + [dataclasses.replace(own[0], **change) for change in MORE.get(op, [])]


def _cases_module(op: str) -> Any:
    return importlib.import_module(f"gfx_kernels.{op}.cases")


def run(
    op: str, case: Any, gfx: str, seeds: Sequence[int] = SEEDS[:1], folder: Path = OBJECTS
) -> Outcome:
    """Run `case` once per seed. Raises what the emulator or the loader raises."""
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    from tests import mock_hip

    outcomes, results = [], []
    for seed in seeds:
        with mock_hip.device(gfx, folder=folder, run=_runner(seed)) as gpu:
            outcome, written = _problem(op)(gpu, op, case, gfx)
        outcome.kernels = [launch.kernel for launch in gpu.launches]
        outcome.stats = [launch.stats for launch in gpu.launches]
        outcomes.append(outcome)
        results.append(written)
    worst = max(outcomes, key=lambda o: o.error)
    worst.same = all(
        _identical(first, other) for first, *rest in zip(*results, strict=True) for other in rest
    )
    return worst


@cache
def _program(file: Path, _changed: int) -> Any:
    return gfx_emulator.load(file, file.with_suffix(".lst"))


def _runner(seed: int) -> Callable[[Any], Any]:
    """What executes a launch of the mock: the buffers it may touch, then the emulator."""

    def execute(launch: Any) -> Any:
        memory = gfx_emulator.Memory()
        for buffer in launch.named:  # exactly the tensors: the bytes around them are nobody's
            memory.map(buffer.address, buffer.size, buffer.name)
        program = _program(launch.file, launch.file.stat().st_mtime_ns)
        return program.launch(
            launch.kernel, launch.grid, launch.block, launch.kernarg, memory, launch.shared, seed
        )

    return execute


def _identical(a: torch.Tensor, b: torch.Tensor) -> bool:
    return torch.equal(a.contiguous().view(torch.uint8), b.contiguous().view(torch.uint8))


Runner = Callable[[Any, str, Any, str], tuple[Outcome, list[torch.Tensor]]]


def _problem(op: str) -> Runner:
    if hasattr(_cases_module(op), "WRITES"):
        return _writing
    return {"w4a16_linear": _w4a16, "skinny_linear": _skinny}[op]


def _map(gpu: Any, **arguments: Any) -> None:
    """Let the kernel touch the tensors among these, each to its last element."""
    gpu.map(**{n: t for n, t in arguments.items() if isinstance(t, torch.Tensor) and t.numel()})


def _writing(gpu: Any, op: str, case: Any, gfx: str) -> tuple[Outcome, list[torch.Tensor]]:
    module = _cases_module(op)
    launcher = importlib.import_module(f"gfx_kernels.{op}.launcher")
    before = module.problem(case)
    after = casework.copied(before)
    _map(gpu, **after)
    launcher.launch(**after)
    found = Outcome(op, case.name, gfx, module.worst(case, before, after), [])
    found.strays = casework.strays(before, after, module.WRITES)
    return found, [after[name] for name in module.WRITES if after[name] is not None]


def _compared(
    op: str, case: Any, gfx: str, out: torch.Tensor, wanted: torch.Tensor
) -> tuple[Outcome, list[torch.Tensor]]:
    """`out` has a guard row behind its last one, of NaN."""
    allowed = _cases_module(op).TOLERANCE[case.dtype] * float(wanted.abs().max())
    result, guard = out[: case.m], out[case.m :]
    error = float((result.double() - wanted.double()).abs().max()) / allowed
    found = Outcome(op, case.name, gfx, error if error == error else float("inf"), [])
    found.strays = [] if guard.isnan().all() else ["memory behind out"]
    return found, [result]


def _out(case: Any) -> torch.Tensor:
    return torch.full((case.m + 2, case.n), float("nan"), dtype=case.dtype)


def _w4a16(gpu: Any, op: str, case: Any, gfx: str) -> tuple[Outcome, list[torch.Tensor]]:
    from gfx_kernels.w4a16_linear import cases as module
    from gfx_kernels.w4a16_linear import launcher

    problem = module.problem(case)
    weight = problem.packed()
    out = _out(case)
    x = problem.x if problem.order is None else problem.x[:, problem.order].contiguous()
    group = case.k if case.group_size == -1 else case.group_size
    _map(gpu, out=out[: case.m], x=x, bias=problem.bias, **vars(weight))
    launcher.gemv(
        out[: case.m], x, weight.qweight, weight.scales, weight.zeros, problem.bias, group
    )
    return _compared(op, case, gfx, out, _w4a16_definition(case, problem))


def _w4a16_definition(case: Any, problem: Any) -> torch.Tensor:
    """The product with the dequantised weight, in float64."""
    each = case.k // case.groups
    zeros = problem.zeros if problem.zeros is not None else torch.full_like(problem.scales, 8)
    wide = [t.double().repeat_interleave(each, dim=1) for t in (zeros, problem.scales)]
    weight = (problem.values.double() - wide[0]) * wide[1]
    x = problem.x if problem.order is None else problem.x[:, problem.order]
    product = x.double() @ weight.T
    return product if problem.bias is None else product + problem.bias.double()


def _skinny(gpu: Any, op: str, case: Any, gfx: str) -> tuple[Outcome, list[torch.Tensor]]:
    from gfx_kernels.skinny_linear import cases as module
    from gfx_kernels.skinny_linear import launcher

    problem = module.problem(case)
    out = _out(case)
    _map(gpu, out=out[: case.m], **vars(problem))
    launcher.launch(out[: case.m], problem.x, problem.weight, problem.bias)
    wanted = problem.x.double() @ problem.weight.double().T
    if problem.bias is not None:
        wanted = wanted + problem.bias.double()
    return _compared(op, case, gfx, out, wanted)


def chosen(gfx: str, only: Sequence[str] = ()) -> Iterator[tuple[str, Any]]:
    """Every op and case to run for a target."""
    for op in only or ops():
        for case in cases(op):
            yield op, case


def every(gfx: str, only: Sequence[str] = (), folder: Path = OBJECTS) -> Iterator[Outcome]:
    """Run every case; with each seed where a kernel runs for the first time."""
    seen: set[str] = set()
    for op, case in chosen(gfx, only):
        outcome = run(op, case, gfx, folder=folder)
        if not seen.issuperset(outcome.kernels):
            seen.update(outcome.kernels)
            outcome = run(op, case, gfx, SEEDS, folder)
        yield outcome


def shipped(gfx: str, folder: Path = OBJECTS) -> set[str]:
    """The names of all kernels in a target's objects."""
    files = (folder / gfx).glob("*.hsaco")
    return {name for file in files for name in codeobject.read(file).kernels}


def rows(gfx: str, outcomes: Sequence[Outcome], folder: Path = OBJECTS) -> list[dict[str, Any]]:
    """A row per kernel that ran: what README's status words come from."""
    found: dict[str, dict[str, Any]] = {}
    for outcome in outcomes:
        for kernel in outcome.kernels:
            image = (folder / gfx / f"{outcome.op}.hsaco").read_bytes()
            row = found.setdefault(kernel, {
                "op": outcome.op, "kernel": kernel, "gfx": gfx, "cases": 0, "error": 0.0,
                "passed": True, "sha256": hashlib.sha256(image).hexdigest(),
            })  # fmt: skip
            row["cases"] += 1
            row["error"] = round(max(row["error"], outcome.error), 4)
            row["passed"] &= not outcome.problems
    return [found[name] for name in sorted(found)]


def _write(file: Path, new: Sequence[dict[str, Any]]) -> None:
    """In place of the rows of the same targets and ops; all in one order."""
    ran = {(row["gfx"], row["op"]) for row in new}
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    kept = [row for row in map(json.loads, lines) if (row["gfx"], row["op"]) not in ran]
    whole = sorted([*kept, *new], key=lambda row: (row["gfx"], row["kernel"]))
    file.write_text("".join(json.dumps(row) + "\n" for row in whole), encoding="utf-8")


def main(words: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(prog="python -m gfx_bench.emulate", description=__doc__)
    made.add_argument("--target", action="append", help="only this one (may be repeated)")
    made.add_argument("--op", action="append", default=[], help="only this one (may be repeated)")
    made.add_argument("--out", type=Path, default=RESULTS)
    options = made.parse_args(words)
    written, failed = [], False
    for gfx in options.target or emulated_targets():
        outcomes = []
        for outcome in every(gfx, options.op):
            outcomes.append(outcome)
            for problem in outcome.problems:
                failed = True
                print(f"{gfx} {outcome.op} {outcome.case}: {problem}", flush=True)
        written += rows(gfx, outcomes)
        print(f"{gfx}: {len(outcomes)} cases, {len(rows(gfx, outcomes))} kernels", flush=True)
    _write(options.out, written)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
