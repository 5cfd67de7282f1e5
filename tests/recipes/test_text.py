"""What the recipes say, against what they repeat."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import paths, recipes, source, variants
from tools.recipes import Recipe
from tools.standin import names, requirements

RECIPES = {recipe.name: recipe for recipe in recipes.all_recipes()}
# Lines of requirements/common.txt that the recipe leaves out, and why.
LEFT_OUT = {
    "six": "vLLM names it for pandas on Python 3.12 and newer, and does not require pandas",
}
# What the recipe requires beyond requirements/common.txt, which lists nothing a target brings.
OURS = {"python", "pytorch", "torchvision", "vllm-gfx"}
# Of what upstream's targets bring: what the recipe leaves out, and why nobody misses it here.
TARGETS = ("cpu", "rocm")
LEFT_TO_TARGETS = {
    "amd-quark": "checkpoints of Quark in MXFP4 and MXFP6, on a card that has to emulate these",
    "apache-tvm-ffi": "with tilelang",
    "conch-triton-kernels": "one of several kernels for weights of 4 bits; the first are ours",
    "datasets": "benchmarks with data of a hub; vLLM says so when it is asked for one",
    "fastsafetensors": "--load-format fastsafetensors; vLLM says so",
    "grpcio": "vllm serve --grpc",
    "grpcio-reflection": "vllm serve --grpc",
    "intel-openmp": "vLLM's own kernels for processors, which the package lacks",
    "mooncake-transfer-engine-rocm": "a KV cache that moves between hosts",
    "numba": "n-gram speculation without Triton, which the cpu target refuses; pictures of Inkling",
    "peft": "nothing in vLLM imports it; its tests do",
    "pytest-asyncio": "upstream's tests",
    "runai-model-streamer": "--load-format runai_streamer; vLLM says so",
    "setuptools-rust": "vLLM's build",
    "setuptools-scm": "vLLM's build",
    "tensorizer": "--load-format tensorizer; vLLM says so",
    "tilelang": "hyper-connections of DeepSeek V4 and GLM-5 Next",
    "timm": "picture towers of DeepSeek-VL2, OpenVLA, MiniCPM-V 2.0 and Kanana-V",
    "torchaudio": "models that hear; vLLM says so when it is given sound",
    "torchcodec": "one of several decoders of video; OpenCV is the one at hand",
}
SYSTEMS = {
    "linux": {"sys_platform": "linux", "platform_machine": "x86_64", "platform_system": "Linux"},
    "windows": {"sys_platform": "win32", "platform_machine": "AMD64", "platform_system": "Windows"},
}


def _upstream(target: str) -> list[Requirement]:
    archive = source.pinned(RECIPES["vllm"])
    assert archive and archive.is_file(), "run: python dev.py fetch"
    lines = requirements.of_vllm(archive, target).splitlines()
    return requirements.parse("\n".join(x for x in lines if x != "-r common.txt"))


def _common() -> list[Requirement]:
    return _upstream("common")


def _holds_somewhere(requirement: Requirement) -> bool:
    """Whether some platform or Python of ours needs it; one noarch package serves them all."""
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**system, "python_version": python})
        for system in SYSTEMS.values()
        for python in ("3.11", "3.12", "3.13", "3.14")
    )


def test_vllm_requires_what_upstream_requires() -> None:
    run = set(RECIPES["vllm"].requirements("run"))
    ours = {spec for spec in run if spec.split()[0] in OURS}
    upstream = {
        names.conda_spec(r)
        for r in _common()
        if _holds_somewhere(r) and canonicalize_name(r.name) not in LEFT_OUT
    }
    assert sorted(run - ours) == sorted(upstream)
    assert {spec.split()[0] for spec in ours} == OURS


def test_what_is_left_out_is_still_in_upstreams_list() -> None:
    assert set(LEFT_OUT) <= {canonicalize_name(r.name) for r in _common()}


def test_what_upstreams_targets_bring_is_required_or_left_out() -> None:
    raw = RECIPES["vllm"].raw["requirements"]
    ours = {spec.split()[0] for spec in (*raw["run"], *raw["run_constraints"])}
    theirs = {names.conda_name(r.name) for target in TARGETS for r in _upstream(target)}
    theirs -= {names.conda_name(r.name) for r in _common()}
    at_build = {spec.split()[0] for spec in raw["host"]} - set(LEFT_TO_TARGETS)
    assert sorted(theirs - ours - at_build) == sorted(LEFT_TO_TARGETS)


def test_torchvision_is_the_one_that_pairs_with_torch() -> None:
    (theirs,) = (r for r in _upstream("cuda") if r.name == "torchvision")
    assert str(theirs.specifier) == f"=={recipes.shared_pins()['torchvision']}"
    assert "torchvision ==${{ torchvision }}" in RECIPES["vllm"].raw["requirements"]["run"]


@pytest.mark.parametrize("name", ["xgrammar", "llguidance", "lm-format-enforcer"])
def test_hard_needs_are_required_on_every_platform(name: str) -> None:
    assert any(spec.split()[0] == name for spec in RECIPES["vllm"].requirements("run"))


def test_one_package_pairs_torch_with_triton() -> None:
    raw = RECIPES["vllm"].raw["requirements"]
    assert "pytorch ==${{ torch }}" in raw["run"]
    amd = "${{ (triton_amd | split('+'))[0] }}"
    assert f"triton ==${{{{ triton }}}}|=={amd}" in raw["run_constraints"]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda r: r.name)
def test_shared_pins_are_not_repeated(recipe: Recipe) -> None:
    text = "".join(f.read_text("utf-8") for f in sorted(recipe.folder.glob("*.yaml")))
    pins = {name: re.escape(pin) for name, pin in recipes.shared_pins().items()}
    del pins["python_min"]
    assert not [name for name, pin in pins.items() if re.search(rf"{name}\b.*{pin}", text)]


@pytest.mark.parametrize(("name", "folder"), [("gfx-kernels", "kernels"), ("vllm-gfx", "shims")])
def test_version_is_that_of_the_source(name: str, folder: str) -> None:
    project = tomllib.loads((paths.ROOT / folder / "pyproject.toml").read_text())["project"]
    assert RECIPES[name].context["version"] == project["version"]
    assert name == project["name"]


def test_plugin_and_kernels_release_together() -> None:
    assert RECIPES["vllm-gfx"].context["version"] == RECIPES["gfx-kernels"].context["version"]
    assert "gfx-kernels ==${{ version }}" in RECIPES["vllm-gfx"].requirements("run")


def test_the_plugin_has_no_edge_back_to_vllm() -> None:
    graph = {n: [s.split()[0] for s in r.requirements("run")] for n, r in RECIPES.items()}
    assert "vllm-gfx" in graph["vllm"]
    assert "vllm" not in graph["vllm-gfx"] + graph["gfx-kernels"]


def test_order_is_by_need() -> None:
    order = list(RECIPES)
    assert order.index("gfx-target") < order.index("gfx-kernels") < order.index("vllm-gfx")
    assert order.index("vllm-gfx") < order.index("vllm")


def test_only_cards_get_an_automatic_choice() -> None:
    every = variants.chosen(None)
    built = [v.name for v in RECIPES["gfx-auto"].builds_for(every)]
    assert built == [v.name for v in every if v.has_card and not v.integrated[0]]
    assert [v.name for v in RECIPES["gfx-target"].builds_for(every)] == [v.name for v in every]
    assert not RECIPES["vllm"].has_targets and RECIPES["gfx-kernels"].has_targets


def _texts() -> list[Path]:
    kept = [paths.ROOT / name for name in ("pixi.toml", "pins.yaml", "dev.py")]
    return kept + [f for f in paths.RECIPES.rglob("*") if f.suffix in (".py", ".yaml")]


@pytest.mark.parametrize("file", _texts(), ids=lambda f: f.name)
def test_no_package_index_is_named(file: Path) -> None:
    # Each pattern is written so that this file does not hold a name itself.
    names = ("pyp[i]", "pythonh[o]sted", r"download\.pytorc[h]", r"conda\.anacond[a]")
    hosts = "|".join(rf"{name}\.org" for name in names)
    assert not re.search(hosts, file.read_text("utf-8"))


def test_build_scripts_are_python() -> None:
    assert not [f for f in paths.RECIPES.rglob("*") if f.suffix in (".sh", ".bat", ".cmd")]
    for recipe in RECIPES.values():
        script = recipe.raw["build"].get("script")
        assert script is None or script["interpreter"] == "python"


def test_wheels_of_both_platforms_pin_the_shared_versions() -> None:
    pins = yaml.safe_load(paths.PINS.read_text())
    for lock in sorted((paths.ROOT / "tools/standin/lock").glob("*.txt")):
        assert re.search(rf"^torch=={re.escape(pins['torch'][0])}\b", lock.read_text(), re.M), lock
