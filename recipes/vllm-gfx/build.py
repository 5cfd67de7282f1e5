"""Builds vllm-gfx from shims/."""

from into_prefix import install

install("package")
