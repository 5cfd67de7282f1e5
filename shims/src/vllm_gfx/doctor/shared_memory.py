"""Windows: which programs hold the GPUs' memory, and how much of theirs is in system memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from importlib import import_module

from vllm_gfx.doctor.finding import WARNING, Finding
from vllm_gfx.machine.memory import gib
from vllm_gfx.vram import counters, usage
from vllm_gfx.vram.usage import Usage
from vllm_gfx.vram.watch import MIB

_LISTED = 5
# Programs with a window share a few hundred MiB with the GPU; one that computes shares next to
# nothing, unless it was moved there.
_COMPUTES = 1024 * MIB  # on the GPU
_MUCH = 512 * MIB  # of system memory


def by_process() -> list[tuple[int, Usage]]:
    """Process and its usage on the adapter that it uses, the largest first; none on Linux.

    Raises CannotRead.
    """
    if not counters.spills():
        return []
    with closing(counters.Windows()) as found:
        everyone = found.everyone()
    used = {pid: r[adapter] for pid, r in everyone.items() if (adapter := usage.in_use(r))}
    return sorted(used.items(), key=lambda item: (item[1].dedicated, item[1].shared), reverse=True)


def facts() -> dict[str, str]:
    """The largest ones, or why nobody can tell."""
    try:
        found = by_process()[:_LISTED]
    except counters.CannotRead as error:
        return {"GPU memory by process": f"could not tell: {error}"}
    return {
        f"GPU memory of {_name(pid)}": f"{gib(used.dedicated)}, shared {gib(used.shared)}"
        for pid, used in found
    }


def check() -> Iterator[Finding]:
    """Whether a spill can be noticed, and whether some program looks like one."""
    try:
        found = by_process()
    except counters.CannotRead as error:
        what = f"Windows' counters of GPU memory cannot be read, so no spill is noticed: {error}"
        yield Finding(WARNING, what, "as an administrator, run lodctr /R, and start Windows again")
        return
    for pid, used in found:
        if used.dedicated >= _COMPUTES and used.shared >= _MUCH:
            what = (
                f"{gib(used.shared)} of the GPU memory of {_name(pid)} are in system memory, "
                f"beside {gib(used.dedicated)} on the GPU"
            )
            remedy = "if it computes, it is slow: lower its share of the GPU, or end other programs"
            yield Finding(WARNING, what, remedy)


def _name(pid: int) -> str:
    with suppress(ImportError):  # a broken environment is what a doctor is asked about
        psutil = import_module("psutil")
        with suppress(psutil.Error):  # it has ended, or is another user's
            return f"{psutil.Process(pid).name()} (process {pid})"
    return f"process {pid}"
