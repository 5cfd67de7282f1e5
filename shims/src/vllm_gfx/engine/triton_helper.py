"""At its first start Triton compiles a small C module, and few users' machines have a C compiler.

Where there is none, zig serves, which AMD's Triton brings as our channel has it
(recipes/triton), or PyPI's package. Where that is not there either, what Triton would have
compiled is refused in one line.
"""

from __future__ import annotations

import os
import subprocess
import sysconfig
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from vllm_gfx.machine import compilers
from vllm_gfx.refusal import Refusal

APPLIES = ("linux",)  # on Windows triton-windows brings a compiler
TARGET = "triton.knobs.build.impl"
UPSTREAM = "triton/runtime/build.py, _build: CC, gcc or clang, else a RuntimeError"
REMOVE_WHEN = "Triton's package has its driver module compiled, as its source no longer needs cc"


def needed() -> bool:
    """Whether Triton is here and would not find a compiler by itself."""
    return find_spec("triton") is not None and not compilers.of_triton()


def install() -> None:
    """Triton's own hook for this."""
    from triton import knobs

    knobs.build.impl = build


def build(
    name: str,
    src: str,
    srcdir: str,
    library_dirs: Sequence[str],
    include_dirs: Sequence[str],
    libraries: Sequence[str],
) -> str:
    """Compile the file `src` to a Python module in `srcdir` and return its path.

    Raises Refusal where there is no compiler, or where it fails, with its last line.
    """
    if not (command := compilers.any_at_all()):
        what = "Triton must compile its GPU helper and there is no C compiler"
        raise Refusal(what, compilers.REMEDY)
    out = Path(srcdir, name + str(sysconfig.get_config_var("EXT_SUFFIX")))
    places = [srcdir, sysconfig.get_paths()["include"], *include_dirs]
    flags = ["-O3", "-shared", "-fPIC", *(f"-I{place}" for place in places)]
    flags += [*(f"-L{place}" for place in library_dirs), *map(_flag, libraries)]
    # zig keeps what it compiles; nothing of it is of use afterwards.
    caches = {f"ZIG_{which}_CACHE_DIR": str(Path(srcdir, "zig")) for which in ("GLOBAL", "LOCAL")}
    done = subprocess.run(
        [*command, src, *flags, "-o", str(out)],
        env={**os.environ, **caches},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Refusal(
            f"{' '.join(command)} could not compile Triton's {name}: {said}", compilers.REMEDY
        )
    return str(out)


def _flag(library: str) -> str:
    """By its file's name, where it is one."""
    return f"-l:{library}" if ".so" in library or library.endswith(".a") else f"-l{library}"
