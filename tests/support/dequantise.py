"""Read quantised checkpoints from the definitions of their formats, without our packers.

``write(folder, out)`` writes a plain fp32 checkpoint: the weights that any engine must act on.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Layer = dict[str, torch.Tensor]

# Bit offset of each of a word's eight columns in AWQ's `gemm` layout.
AWQ_OFFSETS = [0, 16, 4, 20, 8, 24, 12, 28]
OFFSETS = [0, 4, 8, 12, 16, 20, 24, 28]


def unpack_columns(words: torch.Tensor, offsets: list[int]) -> torch.Tensor:
    """Return int64 codes (rows, 8 * columns) of int32 words (rows, columns)."""
    unsigned = words.to(torch.int64) & 0xFFFFFFFF
    codes = torch.stack([(unsigned >> offset) & 15 for offset in offsets], dim=-1)
    return codes.flatten(1)


def unpack_rows(words: torch.Tensor) -> torch.Tensor:
    """Return int64 codes (8 * rows, columns) of int32 words (rows, columns)."""
    return unpack_columns(words.T, OFFSETS).T


def from_gptq(layer: Layer, config: dict[str, Any]) -> torch.Tensor:
    """Return the fp32 weight (out, in) of a GPTQ layer, checkpoint format `gptq`."""
    assert (config["bits"], config["checkpoint_format"]) == (4, "gptq")
    codes, scales = unpack_rows(layer["qweight"]), layer["scales"].float()
    zeros = unpack_columns(layer["qzeros"], OFFSETS) + 1
    group = layer["g_idx"].long()
    return ((codes - zeros[group]) * scales[group]).T.contiguous()


def from_awq(layer: Layer, config: dict[str, Any]) -> torch.Tensor:
    """Return the fp32 weight (out, in) of an AWQ layer, version `gemm`."""
    assert (config["bits"], config["version"]) == (4, "gemm")
    size = config["group_size"]
    codes = unpack_columns(layer["qweight"], AWQ_OFFSETS)
    zeros = unpack_columns(layer["qzeros"], AWQ_OFFSETS).repeat_interleave(size, 0)
    scales = layer["scales"].float().repeat_interleave(size, 0)
    return ((codes - zeros) * scales).T.contiguous()


def from_compressed_tensors(layer: Layer, config: dict[str, Any]) -> torch.Tensor:
    """Return the fp32 weight (out, in) of a `pack-quantized` W4A16 layer."""
    (group,) = config["config_groups"].values()
    arguments = group["weights"]
    assert (arguments["num_bits"], config["format"]) == (4, "pack-quantized")
    size = arguments["group_size"]
    codes = unpack_columns(layer["weight_packed"], OFFSETS) - 8
    assert list(codes.shape) == layer["weight_shape"].tolist()
    if not arguments["symmetric"]:
        zeros = unpack_rows(layer["weight_zero_point"]) - 8
        codes = codes - zeros.repeat_interleave(size, 1)
    return codes * layer["weight_scale"].float().repeat_interleave(size, 1)


READERS: dict[str, tuple[str, Callable[[Layer, dict[str, Any]], torch.Tensor]]] = {
    "gptq": ("qweight", from_gptq),
    "awq": ("qweight", from_awq),
    "compressed-tensors": ("weight_packed", from_compressed_tensors),
}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return every weight of a quantised checkpoint in fp32, under its unquantised name."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    quantised = config["quantization_config"]
    marker, read = READERS[quantised["quant_method"]]
    stored = load_file(folder / "model.safetensors")
    stems = [name.removesuffix(marker) for name in stored if name.endswith(f".{marker}")]
    plain = {}
    for stem in stems:
        parts = [name for name in stored if name.startswith(stem)]
        layer = {name.removeprefix(stem): stored.pop(name) for name in parts}
        plain[f"{stem}weight"] = read(layer, quantised)
    return plain | {name: tensor.float() for name, tensor in stored.items()}


def write(folder: Path, out: Path) -> Path:
    """Write the checkpoint without its quantisation, in fp32, to `out`, and return that folder."""
    shutil.copytree(folder, out, dirs_exist_ok=True)
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    del config["quantization_config"]
    config["dtype"] = "float32"
    (out / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    save_file(weights(folder), out / "model.safetensors", metadata={"format": "pt"})
    return out
