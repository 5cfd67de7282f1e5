"""A CycloneDX bill of materials per package, beside it in the channel as `<name>.cdx.json`.

It says what the package is, what it was made from (sources and patches with their digests), which
Python distributions lie in it, and which packages it needs. It depends on the package and its
recipe only: its serial number is made from the package's digest, and it holds no time.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import (
    Component,
    ComponentScope,
    ComponentType,
    Diff,
    Patch,
    PatchClassification,
    Pedigree,
)
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from tools import cache
from tools.errors import ToolError
from tools.trust.package import Package

SUFFIX = ".cdx.json"
DIST = re.compile(r"(?:.*/)?(?P<name>[^/]+)-(?P<version>[^/-]+)\.dist-info/METADATA")
KINDS = {"backport": PatchClassification.BACKPORT}  # folder of patches/<source>/; others are ours


@dataclass(frozen=True)
class Origin:
    """What a package was made from: its recipe's sources that have a digest, and the patches."""

    sources: list[dict[str, Any]]
    patches: list[Path]


def path_of(package: Path) -> Path:
    """Where the bill of `package` lies."""
    return package.with_name(package.name.removesuffix(".conda") + SUFFIX)


def describes(package: Path, sha256: str) -> bool:
    """Whether the bill beside `package` is there and about a package with this digest."""
    file = path_of(package)
    return file.is_file() and str(_serial(sha256)) in file.read_text(encoding="utf-8")


def write(package: Path, origin: Origin) -> None:
    """Write the bill of `package` beside it."""
    fresh = path_of(package).with_suffix(".new")
    fresh.write_text(text(package, origin), encoding="utf-8", newline="\n")
    fresh.replace(path_of(package))


def text(package: Path, origin: Origin) -> str:
    """The bill of `package`. Raises ToolError if the library's own schema refuses it."""
    given, sha256 = Package(package), cache.sha256_of(package)
    root = _root(given, sha256, origin)
    bom = Bom(serial_number=_serial(sha256))
    bom.metadata.component = root
    needed, inside = list(_needed(given)), list(_inside(given))
    bom.components.update([*needed, *inside])
    bom.register_dependency(root, needed)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    del document["metadata"]["timestamp"]  # of this run; the schema does not ask for one
    result = json.dumps(document, indent=2, sort_keys=True) + "\n"
    check(result, package.name)
    return result


def check(content: str, name: str) -> None:
    """Raise ToolError if `content` is not what the CycloneDX 1.6 schema asks for."""
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(content):
        raise ToolError(f"the bill of materials of {name} is not valid CycloneDX: {error}")


def _serial(sha256: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"sha256:{sha256}")


def _root(package: Package, sha256: str, origin: Origin) -> Component:
    index = package.index
    name, version = str(index["name"]), str(index["version"])
    kind = {"build": str(index["build"]), "subdir": str(index["subdir"]), "type": "conda"}
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        bom_ref=package.file.name,
        description=package.json("about.json").get("summary"),
        licenses=list(_licence(index.get("license"))),
        hashes=[_sha256(sha256)],
        purl=PackageURL("conda", name=name, version=version, qualifiers=kind),
        pedigree=_pedigree(origin),
        properties=[Property(name="conda:licence-file", value=n) for n in package.licences],
    )


def _licence(expression: str | None) -> Iterator[Any]:
    if expression:
        yield LicenseFactory().make_from_string(expression)


def _pedigree(origin: Origin) -> Pedigree | None:
    ancestors = [_ancestor(source) for source in origin.sources if source.get("sha256")]
    patches = [_patch(patch) for patch in origin.patches]
    return Pedigree(ancestors=ancestors, patches=patches) if ancestors or patches else None


def _ancestor(source: dict[str, Any]) -> Component:
    """A file that was unpacked into the package: known by its name and digest, wherever it was."""
    name = str(source.get("path") or source["url"]).rpartition("/")[2]
    digest = str(source["sha256"])
    return Component(type=ComponentType.FILE, name=name, bom_ref=name, hashes=[_sha256(digest)])


def _patch(file: Path) -> Patch:
    place = XsUri("/".join(file.parts[-4:]))  # patches/<source>/<kind>/<slug>.patch
    kind = KINDS.get(file.parent.name, PatchClassification.UNOFFICIAL)
    return Patch(type=kind, diff=Diff(url=place))


def _needed(package: Package) -> Iterator[Component]:
    """The packages of its run dependencies; versions are ranges, which only conda can read."""
    specs: dict[str, list[str]] = {}
    for spec in package.index.get("depends", []):
        specs.setdefault(spec.split()[0], []).append(spec)
    for name, asked in specs.items():
        yield Component(
            name=name,
            bom_ref=f"needs:{name}",
            scope=ComponentScope.REQUIRED,
            purl=PackageURL("conda", name=name),
            properties=[Property(name="conda:spec", value=spec) for spec in asked],
        )


def _inside(package: Package) -> Iterable[Component]:
    """The Python distributions whose metadata lies in the package."""
    for row in package.paths:
        if found := DIST.fullmatch(row["_path"]):
            name, version = found["name"].replace("_", "-").lower(), found["version"]
            yield Component(
                name=name,
                version=version,
                bom_ref=f"holds:{name}",
                purl=PackageURL("pypi", name=name, version=version),
            )


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)
