"""Simulating an AMD card on the CPU needs Triton's interpreter, which is chosen at Triton's import.

Without this `VLLM_GFX_SIMULATE` alone would compile kernels for a GPU that is not there.
"""

from __future__ import annotations

import os

from vllm_gfx import simulation

APPLIES = ("linux", "win32")
TARGET = "os.environ: TRITON_INTERPRET, HIP_VISIBLE_DEVICES, CUDA_VISIBLE_DEVICES"
UPSTREAM = "vllm/triton_utils/importing.py counts active GPU drivers, zero only if none is visible"
REMOVE_WHEN = "vLLM keeps Triton enabled under TRITON_INTERPRET=1 with no GPU visible"


def needed() -> bool:
    """Whether a card is to be simulated on the CPU."""
    return simulation.on_cpu()


def install() -> None:
    """Interpret kernels, and hide GPUs: with none visible vLLM accepts Triton without a driver."""
    os.environ["TRITON_INTERPRET"] = "1"
    os.environ["HIP_VISIBLE_DEVICES"] = ""
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
