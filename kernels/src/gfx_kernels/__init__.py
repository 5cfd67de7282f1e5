"""Kernels for AMD GPUs. Imports torch, numpy and, where used, triton; never vLLM."""
