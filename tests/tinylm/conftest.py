"""The installed model, loaded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.support import tinylm


@pytest.fixture(scope="session")
def folder() -> Path:
    return tinylm.copy(tinylm.ORIGINAL)


@pytest.fixture(scope="session")
def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.fixture(scope="session")
def origin() -> dict[str, Any]:
    return dict(yaml.safe_load((tinylm.share() / "ORIGIN.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def tokenizer(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="session")
def model(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
