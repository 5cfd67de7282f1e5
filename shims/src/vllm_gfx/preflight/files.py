"""Which of a checkpoint's files vLLM loads, and what their headers tell of the tensors in them.

The choice is that of vLLM's `DefaultModelLoader`, for a folder as for a hub's repository.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from fnmatch import filter as matching
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from vllm_gfx import checkpoint

FORMATS = (*checkpoint.SAFETENSORS_FORMATS, "mistral")
# Mistral's own copy: beside another one, `auto` takes this.
_MISTRAL = "consolidated*.safetensors"
ALONE = ("model.safetensors", "consolidated.safetensors")  # a copy that is one file
INDICES = _INDEX, _MISTRAL_INDEX = tuple(f"{name}.index.json" for name in ALONE)


class Tensor(NamedTuple):
    """`dtype` as safetensors names it; `size` in bytes."""

    name: str
    dtype: str
    shape: Sequence[int]
    size: int


class Source(Protocol):
    """Where a checkpoint is."""

    def names(self) -> Sequence[str]:
        """Its files, without those in folders."""

    def text(self, name: str) -> str:
        """What a small file says."""

    def tensors(self, names: Iterable[str]) -> list[Tensor]:
        """What is in safetensors files, of which only headers are read."""


class Folder:
    """A checkpoint on this disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[str]:
        """See Source."""
        return [file.name for file in self._path.iterdir() if file.is_file()]

    def text(self, name: str) -> str:
        """See Source."""
        return (self._path / name).read_text("utf-8")

    def tensors(self, names: Iterable[str]) -> list[Tensor]:
        """See Source."""
        return [tensor for name in names for tensor in _of_file(self._path / name)]


def tensors(source: Source, load_format: str) -> list[Tensor] | None:
    """What vLLM loads from `source`; None if no safetensors files, or not all, are there."""
    names = source.names()
    wanted = _wanted(source, names, load_format)
    return source.tensors(sorted(wanted)) if wanted and wanted.issubset(names) else None


def are_others(names: Sequence[str]) -> bool:
    """Whether files of weights are there that are no safetensors files."""
    return any(matching(names, pattern) for pattern in checkpoint.OTHER_WEIGHTS)


def _wanted(source: Source, names: Sequence[str], load_format: str) -> set[str]:
    """Those that an index names; without one all of them."""
    own = set(matching(names, _MISTRAL))
    mistral = load_format == "mistral" or (load_format == "auto" and bool(own))
    index = _MISTRAL_INDEX if mistral else _INDEX
    placed = _placed(source.text(index)) if index in names else {}
    if placed or mistral:
        return set(map(str, placed.values())) or own
    return set(matching(names, "*.safetensors")) - own or own  # both would count twice


def _placed(index: str) -> dict[str, Any]:
    """The file of each tensor. Raises ValueError for what is no index."""
    found = json.loads(index)
    placed = found.get("weight_map", {}) if isinstance(found, dict) else None
    if not isinstance(placed, dict):
        raise ValueError("the index of the checkpoint's files is none")
    return placed


def _of_file(path: Path) -> list[Tensor]:
    """A length, then that many bytes of JSON."""
    with path.open("rb") as stream:
        header: dict[str, Any] = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    header.pop("__metadata__", None)
    return [of_entry(name, **entry) for name, entry in header.items()]


def of_entry(name: str, dtype: str, shape: Sequence[int], data_offsets: Sequence[int]) -> Tensor:
    """The tensor that an entry of a header describes."""
    begin, end = data_offsets
    return Tensor(name, dtype, shape, end - begin)
