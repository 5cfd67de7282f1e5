"""The vLLM plug-in: two entry points, nothing else. Importing it imports nothing of vLLM."""

from __future__ import annotations


def platform_class() -> str:
    """Entry point `vllm.platform_plugins`: the dotted name of the platform for this environment."""
    from gfx_kernels import targets

    from vllm_gfx import simulation

    if simulation.on_cuda():
        return "vllm_gfx.platform.on_cuda.OnCudaPlatform"
    if simulation.on_cpu():
        return "vllm_gfx.platform.simulated.SimulatedRocmPlatform"
    if targets.built_for() == targets.REFERENCE:
        return "vllm_gfx.platform.cpu.GfxCpuPlatform"
    return "vllm_gfx.platform.rocm.GfxRocmPlatform"


def register() -> None:
    """Entry point `vllm.general_plugins`; vLLM calls it in every process, maybe repeatedly."""
    from vllm_gfx import apply, attention, linear
    from vllm_gfx.vram import counters

    apply.apply("engine")
    attention.register()
    linear.register()
    if counters.spills():
        from vllm_gfx.vram import metrics

        metrics.register()
