"""Compile probe.hip: what gfx_kernels.runtime is tested with, apart from any op."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.support import zig

SOURCE = Path(__file__).with_name("probe.hip")
OP = "probe"


def for_gfx(gfx: str) -> Path:
    """A folder `<gfx>/probe.hsaco` with its listing, compiled once for each content."""
    digest = hashlib.sha256(SOURCE.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:16]
    folder = zig.BUILD / f"probe-{digest}"
    out = folder / gfx
    if not (out / "probe.hsaco").is_file():
        out.mkdir(parents=True, exist_ok=True)
        _compile(gfx, out)
    return folder


def _compile(gfx: str, out: Path) -> None:
    assembly, listing, linked = out / "probe.s", out / "probe.lst", out / "probe.hsaco"
    device = ("--cuda-device-only", "--no-gpu-bundle-output", "-nogpulib", "-nogpuinc")
    format_5 = ("-mcode-object-version=5", "-Qn", "-cuid=none", "-Werror")
    zig.run("clang", "-x", "hip", f"--offload-arch={gfx}", *device, *format_5, "-O3", "-S",
        "-o", str(assembly), str(SOURCE))  # fmt: skip
    zig.run("clang", "-cc1as", "-triple", "amdgcn-amd-amdhsa", "-target-cpu", gfx, "-filetype",
        "asm", "-show-encoding", "-o", str(listing), str(assembly))  # fmt: skip
    zig.run("clang", "--target=amdgcn-amd-amdhsa", f"-mcpu={gfx}", "-c", "-o", str(out / "probe.o"),
        str(assembly))  # fmt: skip
    zig.run("ld.lld", "-m", "elf64_amdgpu", "--no-undefined", "-shared", "-s", "-o", str(linked),
        str(out / "probe.o"))  # fmt: skip
