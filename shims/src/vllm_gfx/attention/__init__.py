"""Attention backends of this plug-in, by the name that `--attention-backend` takes."""

TORCH_PAGED = "TORCH_PAGED"
TORCH_PAGED_PATH = "vllm_gfx.attention.torch_paged.TorchPagedBackend"


def register() -> None:
    """Make the backends selectable. vLLM may call this more than once in a process."""
    from vllm.v1.attention.backends.registry import AttentionBackendEnum, register_backend

    if TORCH_PAGED not in AttentionBackendEnum.__members__:
        register_backend(TORCH_PAGED, TORCH_PAGED_PATH)
