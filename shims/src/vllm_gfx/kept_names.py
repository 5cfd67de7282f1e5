"""The names that transformers' models export, in a file of this prefix, while the models stay.

The file's first line is a checksum of the rest and of everything about the models' files that a
folder's listing says. Whatever does not fit it is looked for anew, and written once more.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from vllm_gfx import places

FILE = "transformers-models.json"
CACHES = "__pycache__"  # upstream leaves these folders out, and Python writes into them

_log = logging.getLogger(__name__)


def file() -> Path:
    """Where the names are kept."""
    return Path(sys.prefix, places.WRITTEN, FILE)


def structure(models: Path, code: Path, find: Callable[[Path], Any]) -> Any:
    """What `find(models)` returns, which is done only if the file does not hold it.

    `code` is the file that `find` is in: what it finds may differ when that has changed.
    """
    state = _state(models, code)
    kept = _read(state)
    if kept is not None:
        return _restored(kept)
    found = find(models)
    if body := _body(found):
        _write(state, body)
    return found


def _state(models: Path, code: Path) -> bytes:
    """Changes when a file of `models`, or `code`, is added, removed or written."""
    version = getattr(sys.modules.get("transformers"), "__version__", "")
    listing = [version, str(models), _line(code, code.stat()), *sorted(_lines(models))]
    return "\n".join(listing).encode(errors="surrogatepass")


def _lines(folder: str | Path) -> Iterator[str]:
    """A line for each file below `folder`."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == CACHES:
                continue
            if entry.is_dir():
                yield from _lines(entry.path)
            else:
                yield _line(entry.path, entry.stat())  # on Windows of the listing itself


def _line(path: str | Path, stat: os.stat_result) -> str:
    return f"{path} {stat.st_size} {stat.st_mtime_ns}"


def _checksum(state: bytes, body: bytes) -> bytes:
    return hashlib.sha256(state + b"\n\n" + body).hexdigest().encode()


def _read(state: bytes) -> Any:
    """What the file holds of this `state`; None if that is nothing."""
    try:
        head, _, body = file().read_bytes().partition(b"\n")
    except OSError:  # there is none yet, or it is not ours
        return None
    return json.loads(body) if head == _checksum(state, body) else None


def _write(state: bytes, body: bytes) -> None:
    """Other processes see the old file or the whole new one."""
    whole = file()
    part = whole.with_suffix(f".{os.getpid()}")
    try:
        whole.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(_checksum(state, body) + b"\n" + body)
        part.replace(whole)
    except OSError as error:  # a prefix of the administrator's, or another process reads the file
        _log.debug("the names of transformers' models are not kept: %s", error)
        with suppress(OSError):
            part.unlink()


def _body(found: Any) -> bytes:
    """`found` for the file; empty if it has another shape than is known here."""
    try:
        body = json.dumps(_plain(found)).encode()
        return body if _restored(json.loads(body)) == found else b""
    except TypeError:
        return b""


def _plain(found: Any) -> Any:
    """As JSON knows it: a dictionary is its items in order, a set is sorted below a key."""
    if isinstance(found, dict):
        return [[_plain(key), _plain(value)] for key, value in found.items()]
    if isinstance(found, (set, frozenset)):
        return {"set": sorted(found)}
    if isinstance(found, str):
        return found
    raise TypeError(f"neither names nor folders: {found!r}")


def _restored(plain: Any) -> Any:
    """The dictionaries and sets of which `_plain` made this, with frozen sets as keys."""
    if isinstance(plain, list):
        return {_key(key): _restored(value) for key, value in plain}
    return set(plain["set"]) if isinstance(plain, dict) else plain


def _key(plain: Any) -> Any:
    return frozenset(plain["set"]) if isinstance(plain, dict) else plain
