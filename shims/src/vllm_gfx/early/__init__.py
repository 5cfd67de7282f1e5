"""Shims that must be in place before vLLM imports anything; `vllm/__init__.py` imports this first.

Imports nothing of vLLM and prints nothing.
"""

from vllm_gfx import apply

apply.apply("early")
