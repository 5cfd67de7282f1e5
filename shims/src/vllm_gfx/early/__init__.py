"""Shims that must be in place before vLLM imports anything; `vllm/__init__.py` imports this first.

Imports nothing of vLLM, prints nothing, and leaves torch to vLLM: a shim here must not import it.
The one exception is torch_distributed, on Windows only, whose docstring says why it costs nothing.
"""

from vllm_gfx import apply

apply.apply("early")
