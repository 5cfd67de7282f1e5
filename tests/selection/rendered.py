"""A channel as it would be with the ROCm packages built: their records come from the recipes alone.

AMD's wheels are several gigabytes and cannot be had everywhere; a solver needs only the records.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tools import paths, solve, variants
from tools.rocm import jobs


def channel(folder: Path, python: str) -> list[str]:
    """Write repodata.json files below `folder`; the channels of an environment, ours first."""
    found: dict[str, dict[str, Any]] = {"noarch": {}, **{p: {} for p in solve.ELSEWHERE}}
    built = json.loads((paths.CHANNEL / "noarch/repodata.json").read_text("utf-8"))
    found["noarch"] |= built["packages.conda"]
    for platform in solve.ELSEWHERE:
        targets = [v for v in variants.chosen(None) if platform in v.platforms]
        for job in jobs.stack(targets, platform, [python]):
            record = _record(job.rendered.recipe.to_dict(), platform)
            file = f"{record['name']}-{record['version']}-{record['build']}.conda"
            found[record["subdir"]][file] = record
    for subdir, records in found.items():
        (folder / subdir).mkdir(parents=True, exist_ok=True)
        content = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": records}
        (folder / subdir / "repodata.json").write_text(json.dumps(content), encoding="utf-8")
    return [folder.as_uri(), paths.STANDIN.as_uri()]


def _record(recipe: dict[str, Any], platform: str) -> dict[str, Any]:
    package, build, needs = recipe["package"], recipe["build"], recipe["requirements"]
    record = {
        **package,
        "build": build["string"],
        "build_number": build["number"],
        "depends": needs.get("run", []),
        "constrains": needs.get("run_constraints", []),
        "subdir": "noarch" if "noarch" in build else platform,
    }
    if build.get("variant", {}).get("down_prioritize_variant"):
        record["track_features"] = f"{package['name']}-p-0"
    text = json.dumps(record, sort_keys=True).encode()
    return {**record, "sha256": hashlib.sha256(text).hexdigest(), "size": 0}
