"""What the built packages hold."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from functools import cache
from pathlib import Path

import pytest
import yaml
from backports import zstd

from tools import normalise, paths, recipes, stamps

LONGEST_PATH = 120  # characters below site-packages; upstream's longest is 171
STAMPS = stamps.known("*.json")


@cache
def _members(file: str) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    """Every file of a package by name, info/ included."""
    found = {}
    with zipfile.ZipFile(paths.CHANNEL / file) as package:
        for part in package.namelist():
            if part.endswith(".tar.zst"):
                raw = io.BytesIO(zstd.decompress(package.read(part)))
                with tarfile.open(fileobj=raw) as archive:
                    for member in archive:
                        content = archive.extractfile(member)
                        found[member.name] = (member, content.read() if content else b"")
    return found


def _package(name: str) -> dict[str, bytes]:
    (file,) = [s.file for s in STAMPS if Path(s.file).name.rsplit("-", 2)[0] == name]
    return {path: content for path, (_, content) in _members(file).items()}


def test_every_recipe_is_built() -> None:
    names = {Path(stamp.file).name.rsplit("-", 2)[0] for stamp in STAMPS}
    assert names == {recipe.name for recipe in recipes.all_recipes()}


@pytest.mark.parametrize("stamp", STAMPS, ids=lambda s: Path(s.file).stem)
def test_no_path_is_too_long(stamp: stamps.Stamp) -> None:
    installed = [p.removeprefix("site-packages/") for p in _members(stamp.file)]
    assert max(map(len, installed)) <= LONGEST_PATH


@pytest.mark.parametrize("stamp", STAMPS, ids=lambda s: Path(s.file).stem)
def test_nothing_tells_when_or_where_it_was_built(stamp: stamps.Stamp) -> None:
    members = _members(stamp.file)
    times = {member.mtime for member, _ in members.values()}
    assert times == {normalise.EPOCH}
    root = str(paths.ROOT).encode()
    assert not [name for name, (_, content) in members.items() if root in content]
    assert not [name for name in members if name.endswith((".pyc", "direct_url.json"))]


@pytest.mark.parametrize("stamp", STAMPS, ids=lambda s: Path(s.file).stem)
def test_everything_is_noarch(stamp: stamps.Stamp) -> None:
    assert stamp.file.startswith("noarch/")


@pytest.mark.parametrize("name", ["gfx-target", "gfx-kernels"])
def test_every_target_but_cpu_is_second_choice(name: str) -> None:
    """Never left to a solver's tie-break: it has to be asked for."""
    records = [json.loads(_members(s.file)["info/index.json"][1]) for s in STAMPS]
    found = {r["build"]: bool(r.get("track_features")) for r in records if r["name"] == name}
    assert found == {f"{v.stem}_0": v.stem != "cpu" for v in paths.VARIANTS.glob("*.yaml")}


def test_vllm_is_pure_python() -> None:
    files = _package("vllm")
    wheel = files["site-packages/vllm-0.32.0.dist-info/WHEEL"].decode()
    assert "Root-Is-Purelib: true" in wheel and "Tag: py3-none-any" in wheel
    assert not [f for f in files if f.endswith((".so", ".pyd", ".dll", "/vllm-rs"))]


def test_vllm_knows_its_version() -> None:
    assert "version = '0.32.0'" in _package("vllm")["site-packages/vllm/_version.py"].decode()


PATCHED = {  # loopback-without-ipc, process-handles, lazy-inductor
    "utils/network_utils.py": 'zmq.has("ipc")',
    "v1/engine/utils.py": "zmq_polls_sentinels",
    "env_override.py": '_apply_when_imported("torch._inductor.lowering", ',
}


def test_each_local_patch_had_its_effect() -> None:
    init = _package("vllm")["site-packages/vllm/__init__.py"].decode()
    imports = [line for line in init.splitlines() if line.startswith(("import ", "from "))]
    assert imports[0].startswith("import vllm_gfx.early")
    test_vllm_is_pure_python()  # what no-rust-extensions is for
    package = {name: _package("vllm")[f"site-packages/vllm/{name}"].decode() for name in PATCHED}
    assert all(text in package[name] for name, text in PATCHED.items())


def test_the_package_lists_its_patches() -> None:
    listed = json.loads(_package("vllm")["site-packages/vllm/gfx_patches.json"])
    patches = recipes.get("vllm").patches
    assert listed == {
        f"{p.parent.name}/{p.name}": hashlib.sha256(p.read_bytes()).hexdigest() for p in patches
    }
    assert list(listed) == [f"{p.parent.name}/{p.name}" for p in patches]


def test_activation_asks_for_utf8() -> None:
    activation = _package("vllm-gfx")["etc/conda/env_vars.d/vllm-gfx.json"]
    assert json.loads(activation) == {"PYTHONUTF8": "1"}


def test_tuning_tables_of_other_vendors_are_left_out() -> None:
    tables = [f for f in _package("vllm") if f.endswith(".json") and "device_name=" in f]
    assert tables and all("device_name=AMD" in t or "device_name=Radeon" in t for t in tables)
    assert not [f for f in _package("vllm") if "nvidia" in f.lower() and f.endswith(".json")]


def test_record_lists_what_is_installed() -> None:
    """Nothing was added or taken after the wheel was made, so pip sees a whole package."""
    for name in ("vllm", "vllm-gfx"):
        files = {f.removeprefix("site-packages/") for f in _package(name) if f[:5] == "site-"}
        (record,) = [f for f in files if f.endswith(".dist-info/RECORD")]
        lines = _package(name)[f"site-packages/{record}"].decode().splitlines()
        assert {line.rsplit(",", 2)[0].strip('"') for line in lines} == files


@pytest.mark.parametrize("target", [v.stem for v in sorted(paths.VARIANTS.glob("*.yaml"))])
def test_kernels_know_their_target_and_all_others(target: str) -> None:
    version = recipes.get("gfx-kernels").context["version"]
    members = _members(f"noarch/gfx-kernels-{version}-{target}_0.conda")
    inside = "site-packages/gfx_kernels/"
    assert members[inside + "built_for.txt"][1].decode().strip() == target
    for file in paths.VARIANTS.glob("*.yaml"):
        assert members[f"{inside}variants/{file.name}"][1] == file.read_bytes()


@pytest.mark.parametrize("target", [v.stem for v in sorted(paths.VARIANTS.glob("*.yaml"))])
def test_kernels_hold_the_recorded_code_of_their_target_only(target: str) -> None:
    version = recipes.get("gfx-kernels").context["version"]
    members = _members(f"noarch/gfx-kernels-{version}-{target}_0.conda")
    code = "site-packages/gfx_kernels/code/"
    found = {
        name.removeprefix(code): hashlib.sha256(content).hexdigest()
        for name, (_, content) in members.items()
        if name.startswith(code)
    }
    golden = yaml.safe_load((paths.ROOT / "kernels" / "golden.yaml").read_text())
    assert found == {f"{target}/{op}.hsaco": d for op, d in golden.get(target, {}).items()}
    assert bool(found) == (target != "cpu")


def test_kernels_hold_nothing_that_only_the_checkout_needs() -> None:
    for stamp in STAMPS:
        if Path(stamp.file).name.startswith("gfx-kernels-"):
            names = [n for n in _members(stamp.file) if n.startswith("site-packages/")]
            tops = {n.split("/")[1] for n in names}
            assert {t for t in tops if not t.endswith(".dist-info")} == {"gfx_kernels"}
            assert not [n for n in names if n.endswith((".hip", ".h", "budget.yaml", ".lst"))]
