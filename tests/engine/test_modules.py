"""The models of the geometries import with what an installed prefix has, and see pictures."""

from __future__ import annotations

import sys
from pathlib import Path

from vllm_gfx.bench import geometry

from tests.support import fresh

ARCHITECTURES = {g.config["architectures"][0] for g in geometry.all_geometries().values()}
SEEING = {"Qwen2_5_VL", "Qwen3VL", "Qwen3_5"}  # what their checkpoints name, for text too


def _import_all() -> None:
    from vllm import ModelRegistry

    seeing = {f"{name}ForConditionalGeneration" for name in SEEING}
    for architecture in sorted(ARCHITECTURES | seeing):
        assert ModelRegistry.models[architecture].load_model_cls().__name__ == architecture
    # It is imported in any case; the one of a package, not one that a test put there.
    torchvision = sys.modules["torchvision"]
    assert Path(str(torchvision.__file__)).is_relative_to(sys.prefix)


def _pictures() -> None:
    from PIL import Image
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor

    seen = Qwen2VLImageProcessor()(images=Image.new("RGB", (64, 96), "red"), return_tensors="pt")
    ((_, rows, columns),) = seen["image_grid_thw"].tolist()
    pixels = seen["pixel_values"]
    assert pixels.shape == (rows * columns, 3 * 2 * 14 * 14)
    red, green = pixels[:, 0], pixels[:, 2 * 14 * 14]
    assert (red > 1.5).all() and (green < -1.5).all()


def test_every_models_module_imports() -> None:
    assert "Qwen3_5ForCausalLM" in ARCHITECTURES
    fresh.run(_import_all)


def test_a_picture_becomes_patches() -> None:
    fresh.run(_pictures)
