"""AMD cards without vLLM's compiled extension: upstream's platform, offering only what runs.

Importing this module needs a GPU that torch sees (upstream reads its gfx name at import), real or
simulated, and raises Refusal without one. No GPU of AMD's has run it yet.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gfx_kernels import targets
from vllm import envs as vllm_envs
from vllm.logger import init_logger

from vllm_gfx import checkpoint, preflight
from vllm_gfx.ops import library, needs
from vllm_gfx.parallel import one_gpu
from vllm_gfx.platform import speculation
from vllm_gfx.platform.device import TorchDeviceQueries
from vllm_gfx.vram.platform import RefusingMixin

if TYPE_CHECKING:
    from vllm.config import VllmConfig

logger = init_logger("vllm.plugins.gfx")  # under `vllm`, whose handlers print it

_SKINNY = "VLLM_ROCM_USE_SKINNY_GEMM"


@contextmanager
def _without_absence_warnings() -> Iterator[None]:
    """Upstream warns of each compiled part that is absent; here all are, by design."""
    logger = logging.getLogger("vllm.platforms.rocm")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


preflight.check_machine()
with _without_absence_warnings():
    from vllm.platforms import rocm as upstream

library.install()


# Upstream reads it per layer; child processes inherit it.
if not all(library.runs(op) for op in needs.SKINNY_GEMM):
    os.environ.setdefault(_SKINNY, "0")


def _default_to_graphs(vllm_config: VllmConfig) -> None:
    """Decode from captured graphs and no torch.compile, where nothing else is asked for.

    On gfx1100 others measured that compiling adds nothing to that; it needs a C++ compiler and its
    first start takes minutes.
    """
    from vllm.config import CompilationMode, CUDAGraphMode
    from vllm.config.vllm import OptimizationLevel

    compilation = vllm_config.compilation_config
    if compilation.mode is not None or compilation.cudagraph_mode is not None:
        return
    if vllm_config.optimization_level == OptimizationLevel.O2:  # the default
        compilation.mode = CompilationMode.NONE
        compilation.cudagraph_mode = CUDAGraphMode.FULL_DECODE_ONLY
        logger.info_once(
            "decode runs from graphs, without torch.compile; "
            """--compilation-config '{"mode": 3}' compiles"""
        )


def _compiles(vllm_config: VllmConfig) -> bool:
    """Whether inductor will compile the model, as upstream decides it a little later."""
    from vllm.config import CompilationMode
    from vllm.config.vllm import OptimizationLevel

    compilation = vllm_config.compilation_config
    if compilation.mode is None:
        asked = vllm_config.optimization_level > OptimizationLevel.O0
    else:
        asked = compilation.mode != CompilationMode.NONE
    return asked and compilation.backend in ("", "inductor")


class GfxRocmPlatform(TorchDeviceQueries, RefusingMixin, upstream.RocmPlatform):
    """Overrides only: each says which compiled part it does without."""

    @classmethod
    def import_kernels(cls) -> None:
        """Our ops in place of the extension that is not there."""
        library.install()

    @classmethod
    def target(cls) -> targets.Target | None:
        """The target table's row for the device, None for a gfx that the table does not have."""
        gfx = upstream._GCN_ARCH.split(":")[0]
        return targets.all_targets().get(gfx)

    @classmethod
    def supports_fp8(cls) -> bool:
        """By the target table: upstream takes every gfx9 for one with fp8 instructions."""
        target = cls.target()
        return super().supports_fp8() if target is None else target.fp8 != "none"

    @classmethod
    def is_pin_memory_available(cls) -> bool:
        """Also decides whether kernels read host memory directly, by the host's own pointers.

        On Windows nobody has checked that the driver maps them alike: there, copies.
        """
        return sys.platform != "win32" and super().is_pin_memory_available()

    @classmethod
    def use_custom_allreduce(cls) -> bool:
        """Only with its compiled op."""
        return super().use_custom_allreduce() and library.runs(needs.CUSTOM_ALLREDUCE)

    @classmethod
    def get_valid_backends(cls, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Upstream's candidates, without those whose ops are missing."""
        valid, invalid = super().get_valid_backends(*args, **kwargs)
        for backend, _ in valid:
            if op := needs.unmet(needs.ATTENTION).get(backend.name):
                invalid[backend] = [f"torch.ops.{op} is not in this build"]
        return [row for row in valid if row[0] not in invalid], invalid

    @classmethod
    def get_attn_backend_cls(cls, selected_backend: Any, *args: Any, **kwargs: Any) -> str:
        """Upstream's choice. Raises ValueError if a backend was asked for that cannot run."""
        if selected_backend is not None:
            op = needs.unmet(needs.ATTENTION).get(selected_backend.name)
            if op:
                raise ValueError(
                    f"attention backend {selected_backend.name} needs torch.ops.{op}, which is "
                    "not in this build; leave --attention-backend out or ask for TRITON_ATTN"
                )
        return super().get_attn_backend_cls(selected_backend, *args, **kwargs)

    @classmethod
    def apply_config_platform_defaults(cls, vllm_config: VllmConfig) -> None:
        """Graphs; our ops for layers, unless a compiler fuses PyTorch's; no absent fusions."""
        super().apply_config_platform_defaults(vllm_config)
        _default_to_graphs(vllm_config)
        compilation = vllm_config.compilation_config
        if not {"all", "none"} & set(compilation.custom_ops):
            named = {op.lstrip("+-") for op in compilation.custom_ops}
            ours = needs.ALWAYS if _compiles(vllm_config) else needs.LAYERS
            compilation.custom_ops += ["none", *(f"+{op}" for op in ours if op not in named)]
        for flag, op in needs.unmet(needs.PASSES).items():
            if getattr(compilation.pass_config, flag):
                raise ValueError(
                    f"pass_config.{flag} needs torch.ops.{op}, which is not in this build; "
                    "leave it out"
                )
            setattr(compilation.pass_config, flag, False)

    @classmethod
    def register_triton_kernel_overrides(cls) -> None:
        """The cache write of Triton attention, by our kernel."""
        from vllm_gfx.ops import cache_write

        super().register_triton_kernel_overrides()
        cache_write.register()

    @classmethod
    def check_and_update_config(cls, vllm_config: VllmConfig) -> None:
        """Our worker. Raises ValueError for what is asked for and absent, or a bad checkpoint."""
        checkpoint.check_configured(vllm_config)
        one_gpu.check(vllm_config.parallel_config)
        preflight.check(vllm_config)
        speculation.check(vllm_config)
        missing = [op for op in needs.SKINNY_GEMM if not library.runs(op)]
        if vllm_envs.VLLM_ROCM_USE_SKINNY_GEMM and missing:
            raise ValueError(
                f"{_SKINNY}=1 needs torch.ops.{missing[0]}, which is not in this build; unset it"
            )
        parallel = vllm_config.parallel_config
        if parallel.worker_cls == "auto":
            parallel.worker_cls = "vllm_gfx.gpu_worker.GfxWorker"
        super().check_and_update_config(vllm_config)
