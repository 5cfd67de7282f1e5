"""The Python that runs this, as conda packages `python` and `python_abi`.

It links this machine's own libraries (libssl, libffi, ...), so the package is for machines like
this one only. For a platform that is not this machine's, `python` is an empty stub: environments
solve and packages unpack, nothing runs.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.errors import ToolError
from tools.standin import archive, relocate
from tools.standin.archive import Entry
from tools.standin.platforms import Platform

MADE_BY = ("archive.py", "interpreter.py", "platforms.yaml", "relocate.py")


def check(platform: Platform) -> None:
    """Raise ToolError unless the running Python can stand in on `platform`."""
    if not platform.native:
        return
    if platform.windows:
        raise ToolError(
            "packages are built on Linux: no stand-in for conda-forge is made of a Windows Python",
            "copy build/channel of a Linux checkout here and run: pixi run serve MODEL",
        )
    version = "{}.{}".format(*sys.version_info)
    if version != platform.python:
        raise ToolError(
            f"the stand-in channel is locked for Python {platform.python}, this is {version}",
            f"run dev.py with python{platform.python}",
        )


def file_names(platform: Platform) -> tuple[str, str]:
    """File names of the `python` and `python_abi` packages; they change with the interpreter."""
    version, key = f"{platform.python}.0", f"stub {platform.name}"
    if platform.native:
        version = "{}.{}.{}".format(*sys.version_info)
        binary = Path(sys.base_prefix, "bin", f"python{platform.python}").stat()
        state = (sys.version, sys.base_prefix, binary.st_size, binary.st_mtime_ns)
        key = repr(state)
    build = hashlib.sha256(f"{archive.digest_of(MADE_BY)} {key}".encode()).hexdigest()[:8]
    abi = f"python_abi-{platform.python}-0_{_tag(platform)}.conda"
    return f"python-{version}-standin_h{build}_0_cpython.conda", abi


def write(folder: Path, platform: Platform) -> None:
    """Write both packages into `folder`, the channel's folder of `platform`."""
    python, abi = file_names(platform)
    spec = f"python_abi {platform.python}.* *_{_tag(platform)}"
    info = {"run_exports.json": json.dumps({"noarch": ["python"], "weak": [spec]}).encode()}
    index = _index(python, platform, license="PSF-2.0", constrains=[spec])
    index["python_site_packages_path"] = platform.site_packages
    entries = relocate.entries(platform) if platform.native else _stub()
    archive.write(folder / python, index, entries, info)
    constrains = [f"python {platform.python}.*"]
    archive.write(folder / abi, _index(abi, platform, constrains=constrains), [], {})


def _tag(platform: Platform) -> str:
    return f"cp{platform.python.replace('.', '')}"


def _stub() -> Iterator[Entry]:
    yield archive.from_bytes("python-is-a-stub.txt", b"Only lets environments be solved.\n")


def _index(name: str, platform: Platform, **rest: Any) -> dict[str, Any]:
    package, version, build = name.removesuffix(".conda").split("-", 2)
    return {
        "name": package,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": [],
        "subdir": platform.name,
        "timestamp": archive.EPOCH * 1000,
        **rest,
    }
