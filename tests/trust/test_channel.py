"""What the built channel says of itself: checksums, bills of materials, licences."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tools import cache, paths, recipes, source, stamps
from tools.build import Job
from tools.errors import ToolError
from tools.trust import sbom, sums
from tools.trust.package import Package

STAMPS = stamps.known()
# Hold nothing: their build string is what they are for.
EMPTY = {"gfx-target", "gfx-auto", "rocm-gfx", "rocm-gfx-torchvision"}


def bill_of(stamp: stamps.Stamp) -> dict[str, Any]:
    file = sbom.path_of(paths.CHANNEL / stamp.file)
    return dict(json.loads(file.read_text(encoding="utf-8")))


def test_sha256sum_agrees() -> None:
    command = ["sha256sum", "--check", "--strict", "--quiet", sums.NAME]
    done = subprocess.run(command, cwd=paths.CHANNEL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_file_of_the_channel_is_listed() -> None:
    listed = set(sums.parse((paths.CHANNEL / sums.NAME).read_text()))
    files = {p.relative_to(paths.CHANNEL).as_posix() for p in paths.CHANNEL.rglob("*.*")}
    found = {f for f in files if (paths.CHANNEL / f).is_file() and not f.startswith(".")}
    assert found - listed == set() == listed - found - {sums.NAME}
    assert {stamp.file for stamp in STAMPS} <= listed


@pytest.mark.parametrize("stamp", STAMPS, ids=lambda s: Path(s.file).stem)
def test_the_bill_is_of_this_package(stamp: stamps.Stamp) -> None:
    bill, package = bill_of(stamp), Package(paths.CHANNEL / stamp.file)
    root = bill["metadata"]["component"]
    assert root["hashes"] == [{"alg": "SHA-256", "content": stamp.sha256}]
    assert (root["name"], root["version"]) == (package.index["name"], package.index["version"])
    assert root["purl"].startswith(f"pkg:conda/{root['name']}@{root['version']}?build=")
    needed = {c["name"] for c in bill.get("components", []) if c["bom-ref"].startswith("needs:")}
    assert needed == {spec.split()[0] for spec in package.index.get("depends", [])}


@pytest.mark.parametrize("stamp", STAMPS, ids=lambda s: Path(s.file).stem)
def test_the_bill_holds_no_time_and_no_place(stamp: stamps.Stamp) -> None:
    text = sbom.path_of(paths.CHANNEL / stamp.file).read_text()
    assert "timestamp" not in json.loads(text)["metadata"]
    assert str(paths.ROOT) not in text


def test_the_bill_of_vllm_names_its_source_and_its_patches() -> None:
    (stamp,) = [s for s in STAMPS if Path(s.file).name.startswith("vllm-0.")]
    recipe = recipes.get("vllm")
    bill = bill_of(stamp)
    pedigree = bill["metadata"]["component"]["pedigree"]
    (ancestor,) = pedigree["ancestors"]
    assert ancestor["hashes"][0]["content"] == recipe.context["sha256"]
    assert ancestor["name"] == f"vllm-{recipe.context['version']}.tar.gz"
    urls = {patch["diff"]["url"] for patch in pedigree["patches"]}
    assert urls == {p.relative_to(paths.ROOT).as_posix() for p in recipe.patches}
    holds = [c["purl"] for c in bill["components"] if c["bom-ref"].startswith("holds:")]
    assert holds == [f"pkg:pypi/vllm@{recipe.context['version']}"]


def test_the_bill_is_the_same_each_time() -> None:
    stamp = next(s for s in STAMPS if "vllm-gfx-0" in s.file)
    package = paths.CHANNEL / stamp.file
    job = Job(recipes.get("vllm-gfx"), None)
    assert sbom.text(package, job.origin) == sbom.path_of(package).read_text()
    assert sbom.describes(package, stamp.sha256) and not sbom.describes(package, "0" * 64)


def test_a_bill_that_is_not_cyclonedx_is_refused() -> None:
    bill = bill_of(STAMPS[0])
    sbom.check(json.dumps(bill), "it")
    for wrong in ({"bomFormat": "SPDX"}, {"made_up": 1}, {"serialNumber": "1"}):
        with pytest.raises(ToolError, match="the bill of materials of it is not valid CycloneDX"):
            sbom.check(json.dumps(bill | wrong), "it")


@pytest.mark.parametrize("stamp", STAMPS, ids=lambda s: Path(s.file).stem)
def test_the_licence_is_shipped(stamp: stamps.Stamp) -> None:
    package = Package(paths.CHANNEL / stamp.file)
    assert package.index["license"]
    if package.index["name"] in EMPTY:
        assert not package.paths
        return
    texts = [package.info[f"licenses/{name}"] for name in package.licences]
    assert texts and all(len(text) > 500 for text in texts)


@pytest.mark.parametrize("file", sorted(paths.RECIPES.glob("*/recipe.yaml")), ids=str)
def test_every_recipe_names_its_licence_and_the_text(file: Path) -> None:
    """Also of the packages that this machine cannot build."""
    about = recipes.load(file.parent).raw["about"]
    assert about["license"]
    assert bool(about.get("license_file")) == (file.parent.name not in EMPTY)


def test_vllms_licence_is_upstreams_own() -> None:
    (stamp,) = [s for s in STAMPS if Path(s.file).name.startswith("vllm-0.")]
    shipped = Package(paths.CHANNEL / stamp.file).info["licenses/source/LICENSE"]
    archive = source.pinned(recipes.get("vllm"))
    assert archive and archive.is_file()
    with tarfile.open(archive) as upstream:
        name = next(n for n in upstream.getnames() if n.count("/") == 1 and n.endswith("/LICENSE"))
        text = upstream.extractfile(name)
        assert text and text.read() == shipped


def test_torchs_licences_are_kept_by_the_stand_in() -> None:
    (file,) = (paths.STANDIN / "linux-64").glob("pytorch-*.conda")
    names = Package(file).licences
    assert "licenses/LICENSE" in names and len(names) > 50  # torch's own, and of what is in it


@pytest.mark.parametrize(
    "line",
    ["0" * 64 + " one space", "0" * 63 + "  short", "0" * 64 + "  a/../b", "0" * 64 + "  /a", "x"],
)
def test_a_line_that_is_no_checksum_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="is not a line of SHA256SUMS"):
        sums.parse(line)


def test_a_path_listed_twice_is_refused() -> None:
    line = cache.sha256_of(Path(__file__)) + "  a\n"
    with pytest.raises(ValueError, match="is not a line"):
        sums.parse(line * 2)
