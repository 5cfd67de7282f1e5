"""README's `conda install` line, word for word, for every target."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from rattler import MatchSpec

from tools import paths, solve, variants

README = (paths.ROOT / "README.md").read_text("utf-8")
LINES = re.findall(r"conda install [^`\n]+", README)
# conda itself is not in every package index; where there is one it must say the same.
CLIENTS = ["py-rattler", *filter(shutil.which, ["conda"])]
HERE = [v.name for v in variants.all_targets().values() if solve.here() in v.platforms]


def words(line: str) -> tuple[list[str], list[str]]:
    """The channels and the specs of a `conda install`."""
    found = shlex.split(line)[2:]
    channels = [word for before, word in itertools.pairwise(found) if before == "-c"]
    return channels, [word for word in found if word != "-c" and word not in channels]


def by_rattler(specs: list[str]) -> dict[str, str]:
    # conda's own spelling; what our tools ask for is py-rattler's strict one
    read = [str(MatchSpec(spec, strict=False)) for spec in specs]
    return {r.name.normalized: str(r.build) for r in solve.records(read)}


def by_conda(specs: list[str], prefix: Path) -> dict[str, str]:
    options = ["--dry-run", "--json", "--override-channels", "--strict-channel-priority"]
    channels = ["-c", paths.CHANNEL.as_uri(), "-c", paths.STANDIN.as_uri()]
    command = ["conda", "create", "-p", str(prefix), *options, *channels, *specs]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {r["name"]: r["build_string"] for r in json.loads(done.stdout)["actions"]["LINK"]}


def test_readme_has_the_line() -> None:
    assert LINES
    for line in LINES:
        channels, specs = words(line)
        assert len(channels) == 2 and channels[1] == "conda-forge"
        assert specs[0] == "vllm" and len(specs) == 2


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("target", HERE)
def test_the_line_gives_the_target(target: str, client: str, tmp_path: Path) -> None:
    for line in LINES:
        _, specs = words(re.sub(r"gfx\d[0-9a-f]+", target, line))
        found = by_rattler(specs) if client == "py-rattler" else by_conda(specs, tmp_path / "new")
        assert found["gfx-target"] == found["gfx-kernels"] == f"{target}_0"
        assert {"vllm", "vllm-gfx", "pytorch"} <= set(found)
