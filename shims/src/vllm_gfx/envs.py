"""Every environment variable this package reads or sets, with its default and meaning."""

from __future__ import annotations

import os

from vllm_gfx.refusal import Refusal

# name -> what it does; `doctor` prints this table.
VARIABLES = {
    "VLLM_GFX_SIMULATE": "a gfx name: run the AMD path on an NVIDIA GPU, or on CPU (tests)",
    "VLLM_GFX_REPORT": "a file: write which implementation served each layer, as JSON lines",
    "VLLM_GFX_ON_SPILL": "Windows, GPU memory moved to system memory: warn (default) or refuse",
}

ON_SPILL = "VLLM_GFX_ON_SPILL"
WARN, REFUSE = "warn", "refuse"

# name -> (value, why): what the commands of `vllm-gfx` set where it is unset.
DEFAULTS = {
    "VLLM_NO_USAGE_STATS": ("1", "upstream otherwise sends statistics about this machine"),
    "VLLM_HOST_IP": ("127.0.0.1", "on one host upstream otherwise asks the network for its own"),
    "PYTHONUTF8": ("1", "vLLM opens text files without naming an encoding; for its processes"),
}
_OF_ONE_HOST = ("VLLM_HOST_IP",)  # other hosts could not reach that address


def set_defaults(several_hosts: bool = False) -> None:
    """Set the DEFAULTS that are unset, for this process and those it starts."""
    for name, (value, _) in DEFAULTS.items():
        if not (several_hosts and name in _OF_ONE_HOST):
            os.environ.setdefault(name, value)


def simulated_target() -> str:
    """The gfx name to simulate, or an empty string."""
    return os.environ.get("VLLM_GFX_SIMULATE", "")


def report_file() -> str:
    """Where to write the report, or an empty string."""
    return os.environ.get("VLLM_GFX_REPORT", "")


def on_spill() -> str:
    """WARN or REFUSE. Raises Refusal for anything else."""
    asked = os.environ.get(ON_SPILL) or WARN
    if asked not in (WARN, REFUSE):
        raise Refusal(f"{ON_SPILL}={asked}", f"set it to {WARN} or {REFUSE}, or unset it")
    return asked
