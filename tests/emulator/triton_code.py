"""A Triton kernel, compiled for a card and executed by the emulator instead of it."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from typing import Any

import torch
import triton
import triton.language as tl
from gfx_compile import toolchain
from gfx_emulator import Memory, Stats, load
from gfx_kernels import targets
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

WARPS = 4
_TYPES = {torch.float16: "*fp16", torch.float32: "*fp32", torch.int32: "*i32", torch.int64: "*i64"}
_FORMATS = {"i32": "<i", "i64": "<q", "fp32": "<f"}


def compiled(function: Any, arguments: dict[str, Any], gfx: str) -> tuple[Any, dict[str, str]]:
    """The compiled kernel and the type of each argument that it takes at run time.

    `arguments`: tensors, numbers and constants by name, as a launch of `function` has them.
    """
    types, constants = {}, {}
    for number, parameter in enumerate(function.params):
        value = arguments.get(parameter.name, parameter.default)
        if parameter.is_constexpr or value is None:
            constants[(number,)] = value
        else:
            types[parameter.name] = _type(value, parameter.annotation_type)
    target = GPUTarget("hip", gfx, targets.get(gfx).wave_size)
    signature = {p.name: types.get(p.name, "constexpr") for p in function.params}
    source = ASTSource(function, signature, constants)
    return triton.compile(source, target=target, options={"num_warps": WARPS}), types


def _type(value: Any, annotation: str | None) -> str:
    if isinstance(value, torch.Tensor):
        return _TYPES[value.dtype]
    if isinstance(value, float):
        return "fp32"
    return "i64" if annotation == "i64" else "i32"


def run(
    function: Any, grid: tuple[int, ...], arguments: dict[str, Any], gfx: str, folder: Path
) -> Stats:
    """Execute a launch; the tensors among `arguments` are read and written where they lie."""
    kernel, types = compiled(function, arguments, gfx)
    memory = Memory()
    packed = b""
    for name, kind in types.items():
        value = arguments[name]
        if isinstance(value, torch.Tensor):
            memory.map(value.data_ptr(), value.numel() * value.element_size(), name)
            kind, value = "i64", value.data_ptr()
        word = struct.pack(_FORMATS[kind], value)
        packed = packed.ljust(-(-len(packed) // len(word)) * len(word), b"\0") + word
    program = load(*_assembled(kernel.asm["amdgcn"], gfx, folder))
    code = program.code.kernels[kernel.metadata.name]
    packed = packed.ljust(code.kernarg_size, b"\0")  # the rest is scratch that it does not use
    blocks = (*grid, 1, 1)[:3]
    threads = (WARPS * targets.get(gfx).wave_size, 1, 1)
    shared = max(0, kernel.metadata.shared - code.lds)
    return program.launch(code.name, blocks, threads, packed, memory, dynamic_lds=shared)


def _assembled(assembly: str, gfx: str, folder: Path) -> tuple[Path, Path]:
    """Code object and listing: our toolchain's steps after the one that compiles."""
    tools = toolchain.amd()
    results = {name: str(folder / name) for name in tools.steps}
    Path(results["assembly"]).write_text(assembly, encoding="utf-8")
    for name, step in tools.steps.items():
        if name != "assembly":
            words = [word.format(gfx=gfx, source="", include="", **results) for word in step]
            subprocess.run([tools.binary, *words], check=True)
    return Path(results["linked"]), Path(results["listing"])


@triton.jit
def softmax_of_product(  # type: ignore[no-untyped-def]  # Triton reads the annotations
    a, b, out, n, SIZE: tl.constexpr
):
    """`out = softmax(a @ b)` of the first `n` rows and columns of SIZE."""
    i = tl.arange(0, SIZE)
    real = (i[:, None] < n) & (i[None, :] < n)
    place = i[:, None] * SIZE + i[None, :]
    x = tl.load(a + place, mask=real, other=0.0)
    y = tl.load(b + place, mask=real, other=0.0)
    z = tl.where(real, tl.dot(x, y), float("-inf"))
    power = tl.exp(z - tl.max(z, 1)[:, None])
    tl.store(out + place, power / tl.sum(power, 1)[:, None], mask=real)
