from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

# The shape of Qwen2.5-7B, from its config.json.
SHAPE_7B: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "max_position_embeddings": 32768,
    "vocab_size": 152064,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
_SIZES = {"F32": 4, "BF16": 2, "F16": 2, "I32": 4}


def safetensors(file: Path, tensors: Mapping[str, tuple[str, list[int]]]) -> None:
    """A file with a true header and no data: as long as its tensors say, and empty on the disk."""
    header, end = {}, 0
    for name, (dtype, shape) in tensors.items():
        count = _SIZES[dtype]
        for size in shape:
            count *= size
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + count]}
        end += count
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    with file.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        stream.truncate(8 + len(text) + end)


def tensors_of(shape: Mapping[str, Any], dtype: str = "BF16") -> dict[str, tuple[str, list[int]]]:
    """The tensors of a Qwen2 checkpoint of that shape."""
    hidden, inner, vocab = (shape[k] for k in ("hidden_size", "intermediate_size", "vocab_size"))
    kv = hidden // shape["num_attention_heads"] * shape["num_key_value_heads"]
    found = {"model.embed_tokens.weight": [vocab, hidden], "model.norm.weight": [hidden]}
    if not shape["tie_word_embeddings"]:
        found["lm_head.weight"] = [vocab, hidden]
    for layer in range(shape["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        for name, rows in (("q", hidden), ("k", kv), ("v", kv)):
            found[f"{at}self_attn.{name}_proj.weight"] = [rows, hidden]
            found[f"{at}self_attn.{name}_proj.bias"] = [rows]
        found[f"{at}self_attn.o_proj.weight"] = [hidden, hidden]
        for name in ("gate", "up"):
            found[f"{at}mlp.{name}_proj.weight"] = [inner, hidden]
        found[f"{at}mlp.down_proj.weight"] = [hidden, inner]
        for name in ("input", "post_attention"):
            found[f"{at}{name}_layernorm.weight"] = [hidden]
    return {name: (dtype, size) for name, size in found.items()}


Checkpoint = Callable[..., Path]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    """Makes a folder with the configuration and the headers of a model of the given shape."""

    def make(**changes: Any) -> Path:
        shape = {**SHAPE_7B, **changes}
        (tmp_path / "config.json").write_text(json.dumps(shape))
        safetensors(tmp_path / "model.safetensors", tensors_of(shape))
        return tmp_path

    return make
