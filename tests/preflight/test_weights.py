"""Bytes of a checkpoint, from headers alone, against what the files and torch say."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from vllm_gfx.preflight import files, weights
from vllm_gfx.preflight.weights import Weights

from tests.preflight.conftest import SHAPE_7B, Checkpoint, safetensors, tensors_of
from tests.support import tinylm


def of_folder(
    folder: Path, element: int, layers: int, tied: bool, load_format: str = "auto"
) -> Weights | None:
    """The sums over the files of a folder that vLLM would load."""
    held = files.tensors(files.Folder(folder), load_format)
    return None if held is None else weights.of(held, element, layers, tied)


def _held(folder: Path) -> int:
    """Bytes of the tensors as torch reads them."""
    total = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="pt") as opened:
            total += sum(opened.get_tensor(name).nbytes for name in opened.keys())  # noqa: SIM118
    return total


def test_a_real_checkpoint() -> None:
    folder = tinylm.copy(tinylm.ORIGINAL)
    (dtype,) = {t.dtype for t in _tensors(folder).values()}
    found = of_folder(folder, dtype.itemsize, layers=99, tied=False)
    assert found is not None and found.loaded == _held(folder)
    half = of_folder(folder, 1, layers=99, tied=False)
    assert half is not None and half.loaded * dtype.itemsize == found.loaded


def _tensors(folder: Path) -> dict[str, torch.Tensor]:
    with safe_open(folder / "model.safetensors", framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118


def test_a_copy_in_another_precision_does_not_count_twice(tmp_path: Path) -> None:
    safetensors(tmp_path / "model.safetensors", {"a": ("F16", [100])})
    safetensors(tmp_path / "model.fp32.safetensors", {"a": ("F32", [100])})
    assert of_folder(tmp_path, 2, layers=99, tied=False) == Weights(200, 200)


def test_a_quantised_checkpoint_has_no_smaller_copy() -> None:
    found = of_folder(tinylm.copy("gptq-g128"), 2, layers=99, tied=False)
    assert found is not None and found.in_4bit == 0
    plain = of_folder(tinylm.copy(tinylm.ORIGINAL), 2, layers=99, tied=False)
    assert plain is not None and found.loaded < plain.loaded


def test_the_estimate_of_a_4bit_copy_is_near_a_real_one() -> None:
    plain = of_folder(tinylm.copy(tinylm.ORIGINAL), 2, layers=99, tied=False)
    real = of_folder(tinylm.copy("awq-g128"), 2, layers=99, tied=False)
    assert plain is not None and real is not None
    assert plain.in_4bit == pytest.approx(real.loaded, rel=0.05)


def test_seven_billion_parameters(checkpoint: Checkpoint) -> None:
    folder = checkpoint()
    assert (folder / "model.safetensors").stat().st_blocks < 100, "the file takes no room"
    found = of_folder(folder, 2, layers=28, tied=False)
    parameters = sum(prod(shape) for _, shape in tensors_of(SHAPE_7B).values())
    assert found is not None and found.loaded == 2 * parameters
    assert parameters == 7_615_616_512  # as its model card says
    assert 5.0e9 < found.in_4bit < 5.7e9  # its published AWQ and GPTQ copies: 5.6e9, with more


def test_what_is_not_loaded_does_not_count(tmp_path: Path) -> None:
    tensors = {
        "model.layers.0.a.weight": ("F16", [10, 10]),
        "model.layers.1.a.weight": ("F16", [10, 10]),
        "mtp.layers.0.a.weight": ("F16", [10, 10]),
        "lm_head.weight": ("F16", [10, 10]),
    }
    safetensors(tmp_path / "model.safetensors", tensors)
    safetensors(tmp_path / "consolidated.safetensors", tensors)
    for layers, tied, count in ((2, False, 3), (1, False, 2), (1, True, 1)):
        found = of_folder(tmp_path, 2, layers, tied)
        assert found is not None and found.loaded == count * 200


def test_files_are_those_that_the_index_names(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        safetensors(tmp_path / f"{name}.safetensors", {name: ("F16", [10])})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}))
    found = of_folder(tmp_path, 2, 1, False)
    assert found is not None and found.loaded == 40
    (tmp_path / "b.safetensors").unlink()
    assert of_folder(tmp_path, 2, 1, False) is None


@pytest.mark.parametrize(
    ("load_format", "size"), [("auto", 4), ("mistral", 4), ("hf", 6), ("safetensors", 6)]
)
@pytest.mark.parametrize("indexed", [True, False])
def test_one_of_two_copies_counts(
    load_format: str, size: int, indexed: bool, tmp_path: Path
) -> None:
    """Mistral's checkpoints hold each weight twice, in files of two layouts, often with indices."""
    for name, elements in (("model", 3), ("consolidated", 2)):
        safetensors(tmp_path / f"{name}.safetensors", {f"{name}.a": ("F16", [elements])})
        if indexed:
            text = json.dumps({"weight_map": {f"{name}.a": f"{name}.safetensors"}})
            (tmp_path / f"{name}.safetensors.index.json").write_text(text)
    found = of_folder(tmp_path, 2, 1, False, load_format)
    assert found is not None and found.loaded == size


def test_a_folder_without_weights(tmp_path: Path) -> None:
    assert of_folder(tmp_path, 2, 1, False) is None
