"""Shims for every vLLM process, installed when vLLM loads its general plug-ins."""
