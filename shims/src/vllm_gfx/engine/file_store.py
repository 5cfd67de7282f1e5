"""vLLM names the file in which its processes meet by a URL, with a Windows path put in as it is.

A folder for temporary files below a user's name with `#`, `%20` or `[` in it is then another file,
or none: without this such a user's engine ends in "rank parameter missing" or "Invalid IPv6 URL".
"""

from __future__ import annotations

import inspect
import sys
import tempfile
from urllib.parse import quote
from uuid import uuid4

APPLIES = ("win32",)
TARGET = "vllm.utils.network_utils.get_file_store_init_method"
UPSTREAM = "vllm/utils/network_utils.py, get_file_store_init_method"
REMOVE_WHEN = "get_file_store_init_method quotes the folder's name"

_OF_PATHS = "\\:/"
_USERS = (
    "vllm.utils.network_utils",
    "vllm.v1.executor.multiproc_executor",
    "vllm.v1.executor.uniproc_executor",
)


def needed() -> bool:
    """Whether upstream puts the folder's name in without quoting."""
    from vllm.utils import network_utils

    source = inspect.getsource(network_utils.get_file_store_init_method)
    return "file://{tempfile.gettempdir()}" in source


def get_file_store_init_method() -> str:
    """A URL of a new file, as torch reads it on Windows: host and path together are the path."""
    return f"file://{quote(tempfile.gettempdir(), safe=_OF_PATHS)}/vllm_dist_{uuid4().hex}"


def install() -> None:
    """Put ours wherever upstream's was imported, or will be."""
    for user in filter(None, map(sys.modules.get, _USERS)):
        user.get_file_store_init_method = get_file_store_init_method  # type: ignore[attr-defined]
