"""Expiry of vllm_gfx.engine.empty_host_cache, in fresh processes: nothing is installed there."""

from __future__ import annotations

import subprocess
import sys

_CALL = "import torch; torch.accelerator.empty_host_cache()"


def test_still_needed() -> None:
    """When this fails, torch no longer raises: delete the shim."""
    plain = subprocess.run([sys.executable, "-c", _CALL], capture_output=True, text=True)
    assert plain.returncode != 0 and "accelerator" in plain.stderr


def test_installed_it_is_quiet() -> None:
    code = f"from vllm_gfx.engine import empty_host_cache as s; s.install(); {_CALL}"
    subprocess.run([sys.executable, "-c", code], check=True)
