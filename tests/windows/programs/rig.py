"""What Windows Python is, and whether all that vLLM imports unasked loads there."""

import importlib
import json
import platform
import sys

MODULES = """
numpy torch regex jinja2 tqdm filelock packaging typing_extensions xgrammar tvm_ffi llguidance
lmformatenforcer openai_harmony openai fastapi starlette pydantic aiohttp cachetools cbor2 pybase64
partial_json_parser cpuinfo prometheus_client einops compressed_tensors loguru msgspec PIL zmq
cloudpickle psutil transformers tokenizers huggingface_hub safetensors requests yaml uvicorn
watchfiles model_hosting_container_standards jmespath prometheus_fastapi_instrumentator setuptools
cv2 outlines_core sentencepiece tiktoken blake3 ijson mistral_common anthropic mcp lark
"""


def failed() -> dict[str, str]:
    """The modules that do not load, with what they say."""
    found = {}
    for name in MODULES.split():
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            found[name] = repr(error)
    return found


def thrown() -> str:
    """What an exception of torch's C++ says; a wrong C++ runtime ends the process instead."""
    import torch

    try:
        torch.ones(2, 3) @ torch.ones(2, 3)
    except RuntimeError as error:
        return str(error)
    return ""


def main() -> None:
    import torch

    said = {
        "platform": sys.platform,
        "version": platform.python_version(),
        "windows": platform.release(),
        "prefix": sys.prefix,
        "arguments": sys.argv[1:],
        "failed": failed(),
        "thrown": thrown(),
        "product": (torch.ones(64, 64) @ torch.ones(64, 64)).sum().item(),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
