"""Packers that write the quantised copies of the model, in four checkpoint formats.

NumPy and safetensors only, so the package builds without torch. `copies.toml` is the list.
"""
