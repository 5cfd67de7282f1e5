"""The software of this environment: versions, packages and channels, shims, patches, variables."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from vllm_gfx.doctor import installed

_DISTRIBUTIONS = (
    "vllm",
    "vllm-gfx",
    "gfx-kernels",
    "torch",
    "triton",
    "transformers",
    "tokenizers",
    "numpy",
    "xgrammar",
    "llguidance",
    "lm-format-enforcer",
)
# Packages of which a second channel's copy would matter; the rest is counted.
_NAMED_PACKAGES = ("vllm", "vllm-gfx", "gfx-kernels", "gfx-target", "pytorch", "triton", "python")
_NAMED_FAMILIES = ("rocm", "amd-torch", "torchvision", "triton")
_VARIABLE_PREFIXES = ("VLLM_", "HIP_", "ROCR_", "HSA_", "CUDA_", "TRITON_", "TORCH", "HF_", "OMP_")
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD")


def versions() -> dict[str, str]:
    """Installed distributions, `absent` where there is none."""
    found = {"python": platform.python_version(), "os": platform.platform()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def packages() -> dict[str, Any]:
    """Conda packages of this prefix: the ones that matter by name, the others counted."""
    records = installed.found().packages
    channels: dict[str, int] = {}
    for record in records.values():
        channels[record.channel] = channels.get(record.channel, 0) + 1
    named = {name: str(records[name]) for name in sorted(records) if _matters(name)}
    return {"prefix": sys.prefix, **named, "packages by channel": channels or "not a conda prefix"}


def _matters(name: str) -> bool:
    return name in _NAMED_PACKAGES or name.startswith(_NAMED_FAMILIES)


def shims() -> dict[str, str]:
    """Each shim of each stage: whether this environment needs it, and when it can go."""
    apply = import_module("vllm_gfx.apply")
    found: dict[str, str] = {}
    for stage in apply.STAGES:
        for shim in apply.shims(stage):
            # Some are not needed any more once they are installed.
            active = shim.__name__ in apply.active()
            active = active or (sys.platform in shim.APPLIES and shim.needed())
            state = "active" if active else "not needed here"
            found[f"{stage}/{shim.__name__.rsplit('.', 1)[-1]}"] = (
                f"{state}; replaces {shim.TARGET}; goes when {shim.REMOVE_WHEN}"
            )
    return found


UNPATCHED = {"vllm": "built without our patches"}


def patches() -> dict[str, str]:
    """The patches that the installed vLLM was built with: name and SHA-256."""
    spec = import_module("importlib.util").find_spec("vllm")
    if spec is None:
        return {"vllm": "absent"}
    listing = Path(spec.submodule_search_locations[0], "gfx_patches.json")
    if not listing.is_file():
        return UNPATCHED
    return dict(json.loads(listing.read_text(encoding="utf-8")))


def variables() -> dict[str, Any]:
    """Variables of ours with their meaning, and those set that vLLM, torch or a driver reads."""
    envs = import_module("vllm_gfx.envs")
    known = {
        **envs.VARIABLES,
        **import_module("gfx_kernels.envs").VARIABLES,
        **{k: f"vllm-gfx sets {value}: {why}" for k, (value, why) in envs.DEFAULTS.items()},
    }
    ours = {k: f"{os.environ.get(k, '(unset)')}: {meaning}" for k, meaning in known.items()}
    others = {
        k: "(hidden)" if any(word in k for word in _SECRET_WORDS) else v
        for k, v in sorted(os.environ.items())
        if k.startswith(_VARIABLE_PREFIXES) and k not in known
    }
    return {**ours, **others}
