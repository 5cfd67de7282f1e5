"""`python -m vllm_gfx.bench MODEL`: measures engines, each in a process of its own.

`rows` says what a measurement is; nothing here imports torch or vLLM before a child process does.
"""
