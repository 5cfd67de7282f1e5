"""The arguments that a runtime adds behind a kernel's own."""

from __future__ import annotations

from gfx_kernels.codeobject import Kernel

from .errors import LaunchError

Three = tuple[int, int, int]


def complete(kernel: Kernel, kernarg: bytes, grid: Three, block: Three, lds: int) -> bytes:
    """`kernarg` with the hidden arguments filled in. Raises LaunchError if it is too short."""
    own = [a.offset + a.size for a in kernel.args if not a.kind.startswith("hidden_")]
    if len(kernarg) < max(own, default=0):
        raise LaunchError(
            f"{kernel.name} takes {max(own)} bytes of arguments, {len(kernarg)} are given"
        )
    data = bytearray(kernarg.ljust(kernel.kernarg_size, b"\0"))
    values = {"hidden_grid_dims": sum(n > 1 for n in grid) or 1, "hidden_dynamic_lds_size": lds}
    for axis, blocks, threads in zip("xyz", grid, block, strict=True):
        values[f"hidden_block_count_{axis}"] = blocks
        values[f"hidden_group_size_{axis}"] = threads
    for arg in kernel.args:
        if arg.kind in values:
            data[arg.offset : arg.offset + arg.size] = values[arg.kind].to_bytes(arg.size, "little")
    return bytes(data)
