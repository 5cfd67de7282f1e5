"""Code objects on disk: where they are, whose code they hold, what arguments they take."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gfx_kernels import codeobject, elf, envs, targets
from gfx_kernels.runtime import packing
from gfx_kernels.runtime.api import Api
from gfx_kernels.runtime.errors import CorruptCodeObject, NoCodeObject, WrongTarget

if TYPE_CHECKING:
    from gfx_kernels.runtime.driver import Module

_HERE = Path(__file__).resolve().parents[1]
_AMD = ".hsaco"
_NVIDIA = 190  # e_machine


def folder() -> Path:
    """Where code objects are: as the variable says, else in the package, else in the checkout."""
    if envs.code_folder():
        return Path(envs.code_folder())
    packaged = _HERE / "code"
    return packaged if packaged.is_dir() else _HERE.parents[2] / "build" / "kernels"


def find(op: str, arch: str, suffix: str, where: Path | None = None) -> Path:
    """The code object of `op` for `arch`. Raises NoCodeObject."""
    where = where or folder()
    file = where / arch / (op + suffix)
    if file.is_file():
        return file
    built = sorted(p.parent.name for p in where.glob(f"*/{op}{suffix}"))
    raise NoCodeObject(f"{op} has no code object for {arch} in {where}; {_advice(arch, built)}")


def _advice(arch: str, built: list[str]) -> str:
    if arch in targets.all_targets():
        remedy = f"install the gfx-kernels of {arch}, or build them"
    else:
        remedy = "this library does not know that target"
    near = targets.nearest(arch, built)
    if near is None:
        return f"{remedy} (found: {', '.join(built) or 'none for any target'})"
    return (
        f"{remedy}; the nearest that is here is {near.name}: HSA_OVERRIDE_GFX_VERSION={near.isa} "
        "makes AMD's Linux runtime take this device for one"
    )


def verify(file: Path, image: bytes, arch: str) -> codeobject.CodeObject | None:
    """What `image` holds, or None for NVIDIA, where only its frame is looked at.

    A driver reads the image without knowing where it ends: a cut one could crash the process.
    Raises CorruptCodeObject, or WrongTarget if it is not code for `arch`.
    """
    try:
        if file.suffix != _AMD:
            _verify_cubin(elf.parse(image))
            return None
        code = codeobject.parse(image)
    except ValueError as error:
        raise CorruptCodeObject(
            f"{file}: {error}; reinstall gfx-kernels, or build it again"
        ) from None
    if code.gfx != arch:
        raise WrongTarget(
            f"{file} holds code for {code.gfx}, this device is {arch}; build it again"
        )
    return code


def _verify_cubin(file: elf.Elf) -> None:
    if file.machine != _NVIDIA:
        raise ValueError(f"it is for ELF machine {file.machine}, not for an NVIDIA GPU")


def function(api: Api, module: Module, name: str) -> Any:
    """The kernel `name` of a loaded module. Raises CorruptCodeObject."""
    found, code = api.function(module.handle, name)
    if code:
        raise CorruptCodeObject(
            f"{module.file} has no kernel {name} ({api.text(code)}); build it again"
        )
    return found


def verify_signature(
    api: Api, module: Module, loaded: ctypes.c_void_p, name: str, signature: str
) -> None:
    """Raise CorruptCodeObject unless the kernel's arguments are as wide as its launcher says."""
    wanted = packing.sizes(signature)
    if module.code:
        arguments = module.code.kernels[name].args
        found: list[int] | None = [a.size for a in arguments if not a.kind.startswith("hidden_")]
    else:
        found = api.argument_sizes(loaded)
    if found is not None and found != wanted:
        raise CorruptCodeObject(
            f"{module.file}: {name} takes arguments of {found} bytes, its launcher passes "
            f"{wanted} ({signature}); build it again"
        )
