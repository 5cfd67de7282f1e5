"""Geometry checkpoints: vLLM builds from each the layers that gfx_kernels/shapes.yaml says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from gfx_kernels import shapes
from vllm_gfx.bench import geometry
from vllm_gfx.refusal import Refusal

from tests.engine import building
from tests.support import engine

# The models' own count of parameters, in billions, from their cards.
PUBLISHED = {"qwen2.5-7b": 7.62, "deepseek-r1-distill-qwen-14b": 14.77, "llama-3.1-8b": 8.03}
NAMES = list(geometry.all_geometries())
QUANTISED = [n for n in NAMES if "quantization_config" in geometry.get(n).config]


@pytest.fixture(scope="module")
def built() -> dict[str, building.Built]:
    return building.built(NAMES)


def test_every_model_of_the_table_has_one() -> None:
    assert {geometry.get(name).shapes for name in NAMES} == set(shapes.models())


@pytest.mark.parametrize("name", NAMES)
def test_layers_are_the_tables(built: dict[str, building.Built], name: str) -> None:
    found, model = built[name], shapes.models()[geometry.get(name).shapes]
    groups = {(k, n): group for _, _, k, n, _, group in found.linears}
    wanted = {(x.k, x.n): x.group_size * (name in QUANTISED) for x in (*model.w4, *model.dense)}
    assert {size: group for size, group in groups.items() if size in wanted} == wanted
    # A depthwise convolution is a linear layer for vLLM, not for a kernel of linear layers.
    rest = [row for row in found.linears if (row[2], row[3]) not in wanted]
    assert [row[1] for row in rest] == ["linear_attn.conv1d"] * len(rest)
    assert found.dtype == model.dtype


@pytest.mark.parametrize("name", QUANTISED)
def test_weights_have_4_bits(built: dict[str, building.Built], name: str) -> None:
    rows = [row for row in built[name].linears if row[5]]
    assert rows and {row[4] for row in rows} == {4.0}
    assert (built[name].quantisation or "").removeprefix("auto_") == _format(name)


def _format(name: str) -> str:
    return str(geometry.get(name).config["quantization_config"]["quant_method"])


@pytest.mark.parametrize("name", NAMES)
def test_depth_and_experts(built: dict[str, building.Built], name: str) -> None:
    model = shapes.models()[geometry.get(name).shapes]
    mixers = [row[0] for row in built[name].linears if row[1].endswith(("o_proj", "attn.out_proj"))]
    assert sum(mixers) == model.layers
    experts = [(k, n) for _, k, n in built[name].experts.values()]
    assert sorted(experts) == sorted((x.k, x.n) for x in model.experts)


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_as_many_as_published(built: dict[str, building.Built], name: str) -> None:
    assert built[name].gigabytes / 2 == pytest.approx(PUBLISHED[name], rel=1e-3)


def test_dummy_weights_generate(tmp_path: Path) -> None:
    folder = geometry.write("llama-3.1-8b-w4a16", tmp_path / "model", layers=1)
    answers = engine.run(
        folder,
        [engine.Job([[1, 2, 3]], params={"max_tokens": 2})],
        load_format="dummy",
        skip_tokenizer_init=True,
        max_model_len=64,
        hf_overrides={"vocab_size": 512},  # the embeddings would be most of the time
    )
    assert len(answers.tokens[0][0]) == 2
    served = {row["layer"] for row in answers.report if "W4A16" in row["implementation"]}
    assert len(served) == 4


def test_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vllm_gfx.bench.geometry"]
    for _ in range(2):  # its own folder can be written again
        done = subprocess.run([*command, NAMES[0], str(tmp_path)], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, f"{tmp_path}\n"), done.stderr
    assert json.loads((tmp_path / "config.json").read_text()) == geometry.get(NAMES[0]).config
    done = subprocess.run([*command, "qwen", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"geometry: there is no geometry 'qwen'; known ones: {', '.join(NAMES)}"
    ]


def test_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"somebody's")
    with pytest.raises(Refusal, match=r"holds model\.safetensors; name a new folder"):
        geometry.write(NAMES[0], tmp_path)
    with pytest.raises(Refusal, match="is a file; name a folder"):
        geometry.write(NAMES[0], tmp_path / "model.safetensors")
    for layers in (0, -1, 29):
        with pytest.raises(Refusal, match="give a number from 1 to 28"):
            geometry.write(NAMES[0], tmp_path / "new", layers)
    assert not (tmp_path / "new").exists()
