"""A folder named in German, Chinese and Russian: its short name, and a library in it.

The argument is the folder to make it in.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from vllm_gfx.early import ascii_folders, tvm_ffi_path
from vllm_gfx.machine import short_names

NAME = "Jürgen 中ж"
LIBRARY = "xgrammar_bindings.dll"


def loads(path: Path) -> str:
    """What tvm_ffi says to a library, if it does not load it."""
    import tvm_ffi

    try:
        tvm_ffi.load_module(path)
    except RuntimeError as error:
        return str(error)
    return ""


def folders(home: Path) -> dict[str, str]:
    """The variables that the shim sets for a user of that home."""
    temporary = home / "Temp"
    temporary.mkdir()
    os.environ |= {"USERPROFILE": str(home), "USERNAME": NAME} | dict.fromkeys(
        ("TMP", "TEMP"), str(temporary)
    )
    tempfile.tempdir = None
    before = dict(os.environ)
    if ascii_folders.needed():
        ascii_folders.install()
    return {k: v for k, v in os.environ.items() if before.get(k) != v}


def meet(folder: Path) -> bool:
    """Whether an engine's processes could meet in a file of `folder`, as vLLM names it."""
    import torch

    folder.mkdir(exist_ok=True)
    url = f"file://{folder}/meeting"  # get_file_store_init_method; initialize takes the prefix off
    store = torch.distributed.FileStore(url.removeprefix("file://"), 1)
    store.set("a", "b")
    return bool(store.get("a") == b"b")


def main() -> None:
    """A copy of xgrammar's library below the odd name: plainly, then with the shim."""
    home = Path(sys.argv[1], NAME)
    home.mkdir()
    origin = Path(importlib.util.find_spec("xgrammar").origin)
    library = Path(shutil.copy(origin.with_name(LIBRARY), home))
    short = short_names.in_ascii(str(home))
    said = {"short": short, "same": bool(short) and home.samefile(short)}
    said["without"] = loads(library)
    tvm_ffi_path.install()
    said["with"] = loads(library)
    said["set"] = folders(home)
    said["temporary"] = tempfile.gettempdir()
    places = [Path(tempfile.gettempdir()), Path(sys.argv[1], "a b #1 [x] 50%20")]
    said["meet"] = [meet(place) for place in places]
    print(json.dumps(said))


main()
