"""Checks a model folder before anything is loaded from it, without importing vLLM.

A folder that passes has its configuration, every shard its index names, and safetensors files whose
header and length agree. Only what a header can tell is checked: weights carry no checksum.
"""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from vllm_gfx.refusal import Refusal

AGAIN = "download the file again"
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
# `name`, `owner/name` and, for some formats, `owner/name:variant`: a hub's names, not paths.
_HUB_NAME = re.compile(r"[\w.-]*\w[\w.-]*(/[\w.-]+)?(:\S+)?")
# What vLLM reads as safetensors; the other load formats have files of their own.
SAFETENSORS_FORMATS = ("auto", "hf", "safetensors", "fastsafetensors")
OTHER_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.gguf")
_TOKENIZERS = (
    "tokenizer.*",
    "vocab.*",
    "*.model",
    "*.tiktoken",
    "tekken.json",
    "tokenization_*.py",
)
_READ_BY_VLLM = ("generation_config.json", "tokenizer.json", "tokenizer_config.json")


def check(model: str, load_format: str = "auto") -> None:
    """Raise Refusal if `model` is a folder that cannot be loaded; a hub's name passes unseen."""
    folder = Path(model)
    if folder.is_file() or (not folder.is_dir() and _is_elsewhere(model)):
        return
    if not folder.is_dir():
        raise Refusal(
            f"there is no model folder {model}", "give a folder that exists, or a hub name"
        )
    if glob.escape(model) != model:
        raise Refusal(
            f"vLLM takes the folder {model} for a pattern, since * ? [ stand for other letters",
            "rename the folder, or the one it is in",
        )
    if not (folder / "params.json").is_file():  # Mistral's own layout has no config.json
        _json(folder / "config.json")
    for name in _READ_BY_VLLM:
        if (folder / name).is_file():
            _json(folder / name)
    if load_format in SAFETENSORS_FORMATS:
        _check_weights(folder)


def check_tokenizer(model: str) -> None:
    """Raise Refusal if `model` is a folder without any tokenizer, which a server needs."""
    folder = Path(model)
    if folder.is_dir() and not any(
        path for pattern in _TOKENIZERS for path in folder.glob(pattern)
    ):
        raise Refusal(
            f"{folder} holds no tokenizer",
            "download its tokenizer files as well, or name one with --tokenizer",
        )


def check_configured(vllm_config: Any) -> None:
    """`check` for a platform's `check_and_update_config`, which `LLM(...)` passes too."""
    if vllm_config.model_config is not None:
        check(vllm_config.model_config.model, str(vllm_config.load_config.load_format))


def quantisation(model: str) -> str:
    """The quantisation method that a model folder's config.json names, or an empty string."""
    path = Path(model, "config.json")
    stated = _json(path).get("quantization_config") if path.is_file() else None
    return str(stated.get("quant_method", "")) if isinstance(stated, dict) else ""


def _is_elsewhere(model: str) -> bool:
    has_drive = bool(os.path.splitdrive(model)[0])  # `C:model` is a path, if from no root
    looks_local = model.startswith((".", "~")) or os.path.isabs(model) or has_drive  # noqa: PTH117
    return "://" in model or (not looks_local and _HUB_NAME.fullmatch(model) is not None)


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise Refusal(
            f"{path.parent} holds no {path.name}",
            "point at the folder of a whole checkpoint, or download the missing file",
        )
    _refuse_pointer(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # also bytes that are not UTF-8
        raise Refusal(f"{path} is not valid JSON ({error})", AGAIN) from error
    if not isinstance(found, dict):
        raise Refusal(f"{path} is not a JSON object", AGAIN)
    return found


def _refuse_pointer(path: Path) -> None:
    """Whoever reads a file asks this first: it also refuses one that cannot be read at all."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(_LFS_POINTER))
    except OSError as error:  # on Windows also a file that another process has locked
        raise Refusal(
            f"{path} cannot be read ({error.strerror})",
            "end the program that uses it, or ask for the right to read it",
        ) from error
    if begin == _LFS_POINTER:
        raise Refusal(
            f"{path} is a Git LFS pointer, not the file itself",
            "run `git lfs pull` in the folder, or download the file",
        )


def _check_weights(folder: Path) -> None:
    indices = sorted(folder.glob("*.safetensors.index.json"))
    for index in indices:
        _check_shards(folder, index)
    if indices:
        return
    files = sorted(folder.glob("*.safetensors"))
    for file in files:
        tensors(file)
    if not files and not any(path for pattern in OTHER_WEIGHTS for path in folder.glob(pattern)):
        raise Refusal(f"{folder} holds no weights", "download its *.safetensors files as well")


def _check_shards(folder: Path, index: Path) -> None:
    placed = _json(index).get("weight_map")
    if not isinstance(placed, dict) or not placed:
        raise Refusal(f"{index} names no tensors", AGAIN)
    shards = sorted(set(map(str, placed.values())))
    if missing := [name for name in shards if not (folder / name).is_file()]:
        raise Refusal(
            f"{folder} lacks {_some(missing)} of the {len(shards)} weight files that "
            f"{index.name} names",
            "download the missing ones",
        )
    for shard in shards:
        held = tensors(folder / shard)
        if absent := [name for name, at in placed.items() if at == shard and name not in held]:
            raise Refusal(
                f"{folder / shard} lacks {_some(absent)}, which {index.name} places there",
                "download both files again",
            )


def _some(names: Iterable[str], shown: int = 2) -> str:
    listed = list(names)
    more = f" and {len(listed) - shown} more" if len(listed) > shown else ""
    return ", ".join(listed[:shown]) + more


def tensors(path: Path) -> set[str]:
    """The names in a safetensors file. Raises Refusal if header and file do not agree."""
    _refuse_pointer(path)
    try:
        with safe_open(path, framework="np") as file:
            return set(file.keys())
    except (SafetensorError, OSError) as error:  # OSError: an empty file cannot be mapped
        size = path.stat().st_size
        what = f"{path} is truncated or corrupt: {size} bytes on disk ({error})"
        raise Refusal(what, AGAIN) from error
