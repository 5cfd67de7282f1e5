"""`build`: every object that is missing or outdated, several at a time."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gfx_kernels import targets
from gfx_kernels.codeobject import CodeObjectError

from gfx_compile import budget, gate, resources, sources, toolchain
from gfx_compile.compile import compile_one
from gfx_compile.errors import CompileError
from gfx_compile.toolchain import Toolchain

Progress = Callable[[int, int, str], None]  # how many are done, of how many, the latest one
_FORMAT = "1"  # of what is written; a change builds everything again
_AMD, _LISTING, _REPORT = ".hsaco", ".lst", ".json"


@dataclass(frozen=True)
class Job:
    """One object: an op for one target."""

    source: Path
    gfx: str
    tools: Toolchain
    out: Path

    @property
    def name(self) -> str:
        return f"{self.gfx}/{self.source.stem}"

    def file(self, suffix: str) -> Path:
        return self.out / self.gfx / (self.source.stem + suffix)

    @property
    def key(self) -> str:
        """Changes with all that the object is made from."""
        parts = [_FORMAT, self.gfx, self.tools.digest, sources.digest(self.source)]
        if self.tools.suffix == _AMD:
            parts.append(budget.read(self.source.parent).digest)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def is_current(self) -> bool:
        report, image = self.file(_REPORT), self.file(self.tools.suffix)
        if not report.is_file() or not image.is_file():
            return False
        if self.tools.suffix == _AMD and not self.file(_LISTING).is_file():
            return False
        try:
            known = json.loads(report.read_text(encoding="utf-8"))
            return known["key"] == self.key and known["sha256"] == digest(image.read_bytes())
        except (KeyError, TypeError, ValueError):
            return False  # a damaged report
        except CompileError:
            return False  # a header or the budget went; compiling it says so, beside the others


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def amd_targets() -> list[str]:
    """Every target that has machine code."""
    return [name for name in targets.all_targets() if name != targets.REFERENCE]


def default_targets() -> list[str]:
    """Every AMD target, and NVIDIA's architectures where there is a compiler for them."""
    return [*amd_targets(), *(toolchain.architectures() if toolchain.nvidia() else [])]


def jobs(names: Sequence[str], out: Path) -> list[Job]:
    """The objects of these targets. Raises CompileError for a name that is none."""
    every = sources.all_sources()
    return [Job(s, name, _tools(name), out) for name in names for s in every.values()]


def _tools(name: str) -> Toolchain:
    if name in toolchain.architectures():
        if (found := toolchain.nvidia()) is None:
            raise CompileError(f"no compiler for {name}: nvcc is not on PATH")
        return found
    if name not in targets.all_targets() or name == targets.REFERENCE:
        raise CompileError(
            f"nothing to compile for {name!r}; known: {', '.join(default_targets())}"
        )
    return toolchain.amd()


def build(
    names: Sequence[str], out: Path, workers: int | None = None, progress: Progress | None = None
) -> int:
    """Bring the objects of these targets in `out` up to date; how many had to be compiled.

    Raises CompileError with one line for everything that is wrong.
    """
    every = jobs(names, out)
    outdated = [job for job in every if not job.is_current()]
    errors = []
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        try:
            running = {pool.submit(_run, job): job for job in outdated}
            for number, done in enumerate(as_completed(running), 1):
                if error := done.exception():
                    errors.append(error)
                if progress:
                    progress(number, len(outdated), running[done].name)
        finally:
            pool.shutdown(cancel_futures=True)  # after Ctrl-C do not finish the queue
    _raise(errors)
    _remove_others(every, out, names)
    return len(outdated)


def _raise(errors: Sequence[BaseException]) -> None:
    for error in errors:
        if not isinstance(error, (CompileError, CodeObjectError)):
            raise error
    if errors:
        raise CompileError("\n".join(sorted(set(map(str, errors)))))


def _remove_others(every: Sequence[Job], out: Path, names: Sequence[str]) -> None:
    """Remove what an op left behind that is gone or has another name now."""
    known = {(job.gfx, job.source.stem) for job in every}
    for name in names:
        for file in (out / name).glob("*.*"):
            if (name, file.stem) not in known:
                file.unlink()


def _run(job: Job) -> None:
    for suffix in (job.tools.suffix, _LISTING, _REPORT):
        job.file(suffix).unlink(missing_ok=True)  # a failure leaves nothing that looks current
    results = compile_one(job.source, job.gfx, job.tools)
    image = results["linked"]
    report: dict[str, Any] = {"op": job.source.stem, "key": job.key, "sha256": digest(image)}
    if job.tools.suffix == _AMD:
        report["kernels"] = _measured(job, results)
        _write(job.file(_LISTING), results["listing"])
    _write(job.file(job.tools.suffix), image)
    _write(job.file(_REPORT), (json.dumps(report, indent=1) + "\n").encode())


def _measured(job: Job, results: dict[str, bytes]) -> dict[str, Any]:
    text = {name: results[name].decode("utf-8") for name in ("assembly", "listing")}
    kernels = resources.measure(results["linked"], text["assembly"], text["listing"])
    return gate.check(job.source.stem, job.gfx, kernels, budget.read(job.source.parent))


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all: others may be reading it, or building at the same time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.parents[1] / f"{os.getpid()}-{file.parent.name}-{file.name}.part"
    part.write_bytes(data)
    part.replace(file)
