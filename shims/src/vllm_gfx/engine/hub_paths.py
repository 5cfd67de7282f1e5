"""vLLM joins a repository's name and a folder with the system's separator, a backslash here.

The hub's file system takes no backslash ("Invalid HF URI"): without this every download of weights
first warns, then tries each file pattern instead of the right one.
"""

from __future__ import annotations

import os
import sys
from typing import Any

APPLIES = ("win32",)
TARGET = "vllm.transformers_utils.repo_utils.hf_fs"
UPSTREAM = "vllm/model_executor/model_loader/weight_utils.py, download_weights_from_hf"
REMOVE_WHEN = "download_weights_from_hf joins the repository and the folder with a slash"

_USERS = ("vllm.transformers_utils.repo_utils", "vllm.model_executor.model_loader.weight_utils")


def needed() -> bool:
    """Whether the system's separator is not the hub's."""
    return os.sep != "/"


def hf_fs() -> Any:
    """Upstream's file system, with paths in the hub's form."""
    import huggingface_hub
    import vllm

    class HubFileSystem(huggingface_hub.HfFileSystem):
        def ls(self, path: str, *args: Any, **kwargs: Any) -> Any:
            return super().ls(path.replace(os.sep, "/"), *args, **kwargs)

    return HubFileSystem(library_name="vllm", library_version=vllm.__version__)


def install() -> None:
    """Put ours wherever upstream's was imported, or will be."""
    from vllm.transformers_utils import repo_utils

    repo_utils.hf_fs = hf_fs
    for user in filter(None, map(sys.modules.get, _USERS)):
        user.hf_fs = hf_fs  # type: ignore[attr-defined]
