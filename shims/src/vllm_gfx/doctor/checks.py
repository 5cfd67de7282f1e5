"""What the doctor concludes from the facts. A check may raise: `examine` says that it could not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module

from vllm_gfx import envs
from vllm_gfx.doctor import diagnosis, environment, hardware, installed, shared_memory
from vllm_gfx.doctor.finding import BROKEN, NOTE, WARNING, Finding
from vllm_gfx.machine import compilers, libraries, long_paths, memory
from vllm_gfx.machine.adapters import AMD
from vllm_gfx.machine.memory import GIB, gib
from vllm_gfx.machine.probe import ProbeFailed
from vllm_gfx.preflight import gpus
from vllm_gfx.refusal import Refusal

# Below these, in GiB, models of common sizes do not load, or caches cannot be written.
_LITTLE_RAM = 4
_LITTLE_DISK = 2
_LITTLE_GPU_SHARE = 0.75
# Characters that paths in a cache take after its folder, and the variable that moves it.
_LONG = {"model cache": (160, "HF_HOME"), "vLLM cache": (180, "VLLM_CACHE_ROOT")}


def _built_for() -> str:
    return str(import_module("gfx_kernels.targets").built_for())


def _reference() -> str:
    return str(import_module("gfx_kernels.targets").REFERENCE)


def packages() -> Iterator[Finding]:
    """Wrong, missing and mismatched packages."""
    found = installed.found()
    if "gfx-kernels" in found.distributions:
        yield from diagnosis.packages(found, _built_for(), _reference())
    else:
        yield Finding(BROKEN, "gfx-kernels is not installed", "install the package vllm")


def patched() -> Iterator[Finding]:
    """Whether vLLM is the one that our patches are in."""
    if environment.patches() == environment.UNPATCHED:
        what = "vllm is not this channel's build: it lacks our patches"
        yield Finding(BROKEN, what, "install vllm from the channel of gfx-target")


def torch_answers() -> Iterator[Finding]:
    """Whether torch can be imported and its devices listed at all."""
    try:
        hardware.answer()
    except ProbeFailed as error:
        yield Finding(BROKEN, str(error), "install pytorch again, or update the driver")


def gpu() -> Iterator[Finding]:
    """What would stop an engine on this machine's GPUs."""
    if envs.simulated_target():
        yield Finding(NOTE, f"VLLM_GFX_SIMULATE={envs.simulated_target()}: no GPU is looked for")
    elif _built_for() == _reference():
        yield from _faster()
    elif (refusal := gpus.refusal(hardware.here())) is not None:
        yield Finding(BROKEN, str(refusal))
    else:
        yield from (Finding(WARNING, remark) for remark in gpus.remarks(hardware.here()))


def _faster() -> Iterator[Finding]:
    facts = hardware.target()
    if "a faster build exists" in facts["verdict"]:
        yield Finding(NOTE, facts["verdict"])


def integrated() -> Iterator[Finding]:
    """An integrated GPU beside a card: some programs take it, being device 0."""
    seen = hardware.answer().torch.devices
    small = [d for d in seen if d.integrated]
    cards = [d for d in seen if d.integrated is False]
    if small and cards:
        what = f"torch device {small[0].index} ({small[0].name}) is integrated"
        yield Finding(WARNING, what, f"to hide it, set HIP_VISIBLE_DEVICES={cards[0].index}")


def duplicates() -> Iterator[Finding]:
    """Two copies of one runtime in a process."""
    for name, files in libraries.duplicates(hardware.answer().libraries).items():
        path = "PATH" if sys.platform == "win32" else "LD_LIBRARY_PATH and LD_PRELOAD"
        what = f"{name} is loaded from {len(files)} files: {', '.join(files)}"
        yield Finding(BROKEN, what, f"take the folder outside {sys.prefix} out of {path}")


def room() -> Iterator[Finding]:
    """Little free RAM, disk or GPU memory."""
    _, free = memory.ram()
    if free < _LITTLE_RAM * GIB:
        yield Finding(WARNING, f"only {gib(free)} of RAM are free", "end other programs")
    for what, folder in hardware.folders().items():
        if (left := memory.disk(folder)) < _LITTLE_DISK * GIB:
            yield Finding(WARNING, f"only {gib(left)} are free for the {what} at {folder}")
    for name, left, total in hardware.gpu_memory():
        if left < _LITTLE_GPU_SHARE * total:
            what = f"other programs hold {gib(total - left)} of the {gib(total)} of {name}"
            yield Finding(WARNING, what, "end them, or lower --gpu-memory-utilization")


def spills() -> Iterator[Finding]:
    """GPU memory that Windows moved to system memory; not for an engine without a GPU."""
    if _built_for() != _reference():
        yield from shared_memory.check()


def spill_setting() -> Iterator[Finding]:
    """A value of the variable that no engine starts with."""
    try:
        envs.on_spill()
    except Refusal as refusal:
        yield Finding(BROKEN, str(refusal))


def plain_paths() -> Iterator[Finding]:
    """On Windows several libraries open files by names that know no other letters."""
    for what, folder in hardware.folders().items() if sys.platform == "win32" else ():
        if not str(folder).isascii():
            said = f"the {what} at {folder} has letters outside ASCII in its path"
            yield Finding(WARNING, said, "move it, for example below C:\\vllm")


def compiler() -> Iterator[Finding]:
    """On Linux Triton compiles a helper at its first start on a GPU."""
    if sys.platform != "linux" or envs.simulated_target() or _built_for() == _reference():
        return
    if not compilers.any_at_all():
        what = "there is no C compiler, which Triton needs at its first start"
        yield Finding(WARNING, what, compilers.REMEDY)


def paths_in_full() -> Iterator[Finding]:
    """Caches whose paths become longer than this Windows opens."""
    folders = {} if long_paths.enabled() else hardware.folders()
    for what, (room, variable) in _LONG.items():
        folder = folders.get(what)
        if folder and len(str(folder)) + room > long_paths.LIMIT:
            said = f"paths in the {what} at {folder} can pass {long_paths.LIMIT} characters"
            remedy = f"set {variable} to a short folder, or let an administrator set"
            value = f"{long_paths.VALUE} to 1 in HKLM\\{long_paths.KEY}"
            yield Finding(WARNING, f"{said}, which this Windows does not open", f"{remedy} {value}")


def text_files() -> Iterator[Finding]:
    """On Windows text is read in the system's own encoding, unless Python was told otherwise."""
    by_system = sys.platform == "win32" and not sys.flags.utf8_mode
    if by_system:
        said = "Python is not in UTF-8 mode, so vLLM misreads chat templates with other letters"
        yield Finding(WARNING, said, "activate this environment, or set PYTHONUTF8=1")


def other_adapters() -> Iterator[Finding]:
    """GPUs of other vendors, which no target of ours uses."""
    from vllm_gfx.machine import adapters

    others = [a.name for a in adapters.found() if a.vendor not in (AMD, "Intel")]
    if others and not envs.simulated_target() and _built_for() == _reference():
        yield Finding(NOTE, f"{', '.join(others)} is not used by this environment")


CHECKS: dict[str, Callable[[], Iterator[Finding]]] = {
    "packages": packages,
    "patches": patched,
    "torch": torch_answers,
    "GPU": gpu,
    "other adapters": other_adapters,
    "integrated GPU": integrated,
    "loaded libraries": duplicates,
    "free memory": room,
    "spilled memory": spills,
    "spill setting": spill_setting,
    "paths": plain_paths,
    "long paths": paths_in_full,
    "text files": text_files,
    "compiler": compiler,
}
