"""Every environment variable this package reads, with its meaning."""

from __future__ import annotations

import os

# name -> what it does.
VARIABLES = {
    "GFX_KERNELS_IMPLEMENTATION": "op=name,op=name: the implementation of an op, or an error",
    "GFX_KERNELS_CODE": "a folder <target>/<op>.hsaco to load code objects from",
}


def implementations() -> str:
    """The implementations asked for, as written; an empty string asks for none."""
    return os.environ.get("GFX_KERNELS_IMPLEMENTATION", "")


def code_folder() -> str:
    """Where code objects are instead of where this package has them, or an empty string."""
    return os.environ.get("GFX_KERNELS_CODE", "")
