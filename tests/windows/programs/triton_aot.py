"""Triton kernels compiled with no GPU, and one of them run from its assembly in the emulator.

    triton_aot.py compile TARGET FOLDER     # writes <kernel>.hsaco and .s, says what they are
    triton_aot.py run TARGET FOLDER SHARED  # runs rows.hsaco of FOLDER, which has the listing too

The product of `w4a16_linear` is what an engine compiles; the emulator has no matrix instructions,
so the one it runs is smaller.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "kernels" / "src"))  # last: what is installed is what is tested

from gfx_kernels import codeobject, targets  # noqa: E402

GEMM = {
    "out": "*fp16",
    "x": "*fp16",
    "qweight": "*i32",
    "scales": "*fp16",
    "zeros": "*i32",
    "bias": "*fp16",
    "m": "i32",
    "n": "i32",
    "k": "i32",
    "group_size": "i32",
}
ROWS = {"out": "*fp32", "x": "*fp32", "n": "i32", "scale": "fp32"}
WARPS, BLOCK = 4, 256
SHAPE, SCALE = (3, 200), 0.25  # a ragged row


def kernels() -> dict[str, tuple[Any, dict[str, str], dict[str, Any], int]]:
    """Name -> the kernel, its arguments' types, its constants, its warps."""
    import triton
    import triton.language as tl
    from gfx_kernels.w4a16_linear import triton_gemm

    @triton.jit
    def rows(out, x, n, scale, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # Triton's
        """Each row times `scale`, less its largest element."""
        lane = tl.arange(0, BLOCK)
        start = tl.program_id(0) * n
        row = tl.load(x + start + lane, mask=lane < n, other=-float("inf"))
        tl.store(out + start + lane, (row - tl.max(row, 0)) * scale, mask=lane < n)

    block_m, block_n, warps = triton_gemm.TILES[0][1]
    tile = {"HAS_ZEROS": True, "HAS_BIAS": True, "BLOCK_M": block_m, "BLOCK_N": block_n}
    return {
        "gemm": (triton_gemm._gemm, GEMM, tile, warps),
        "rows": (rows, ROWS, {"BLOCK": BLOCK}, WARPS),
    }


def compile(target: str, folder: Path) -> dict[str, Any]:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    device = GPUTarget("hip", target, targets.all_targets()[target].wave_size)
    said: dict[str, Any] = {"platform": sys.platform, "triton": triton.__version__}
    for name, (kernel, types, constants, warps) in kernels().items():
        source = ASTSource(
            kernel,
            {**types, **dict.fromkeys(constants, "constexpr")},
            {(len(types) + i,): value for i, value in enumerate(constants.values())},
        )
        made = triton.compile(source, target=device, options={"num_warps": warps})
        (folder / f"{name}.hsaco").write_bytes(made.asm["hsaco"])
        (folder / f"{name}.s").write_text(made.asm["amdgcn"], encoding="utf-8", newline="\n")
        code = codeobject.read(folder / f"{name}.hsaco")
        said[name] = {
            "gfx": code.gfx,
            "kernels": sorted(code.kernels),
            "text": hashlib.sha256(code.text).hexdigest(),
            "shared": made.metadata.shared,
        }
    return said


def run(target: str, folder: Path, shared: str) -> dict[str, Any]:
    """What the rows became in the emulator, and how far that is from NumPy's."""
    import gfx_emulator
    import numpy as np

    x = np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)
    out = np.full_like(x, np.nan)
    memory = gfx_emulator.Memory()
    memory.map(x.ctypes.data, x.nbytes, "x")
    memory.map(out.ctypes.data, out.nbytes, "out")
    # Triton's kernels take two pointers more, to scratch memory of theirs: none here.
    given = struct.pack("<2Qif2Q", out.ctypes.data, x.ctypes.data, SHAPE[1], SCALE, 0, 0)
    program = gfx_emulator.load(folder / "rows.hsaco", folder / "rows.lst")
    block = (WARPS * targets.all_targets()[target].wave_size, 1, 1)
    stats = program.launch("rows", (SHAPE[0], 1, 1), block, given, memory, dynamic_lds=int(shared))
    wrong = (x - x.max(axis=1, keepdims=True)) * np.float32(SCALE) != out
    return {"platform": sys.platform, "waves": stats.waves, "wrong": int(wrong.sum())}


if __name__ == "__main__":
    what, target, folder, *rest = sys.argv[1:]
    do: dict[str, Callable[..., Any]] = {"compile": compile, "run": run}
    print(json.dumps(do[what](target, Path(folder), *rest)))
