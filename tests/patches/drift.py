"""What the next release of vLLM does to our patches, our shims and patches/windows.yaml.

    python -m tests.patches.drift [VERSION SHA256]      # writes patches/drift.yaml

Reads both source distributions and imports neither.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.patches import definitions, unix_only
from tools import patches, paths, prefix, recipes, source
from tools.recipes import Recipe

FILE = paths.PATCHES / "drift.yaml"
HEAD = "# Written by `python -m tests.patches.drift`; tests/patches/test_drift.py compares.\n"
STAGES = paths.ROOT / "shims/src/vllm_gfx"
TAKEN = "is upstream: drop it"
NOWHERE = "not in the pinned source either"
Texts = Mapping[str, str]


def pinned() -> Recipe:
    """The recipe of vLLM."""
    return next(recipe for recipe in recipes.all_recipes() if recipe.name == "vllm")


def released(version: str, sha256: str) -> Recipe:
    """The recipe of vLLM with another source."""
    raw = pinned().raw
    context = {**raw["context"], "version": version, "sha256": sha256}
    return dataclasses.replace(pinned(), raw={**raw, "context": context})


def archive(recipe: Recipe) -> Path:
    """The source distribution of `recipe`, downloaded if nobody has it yet."""
    if not source.have(recipe, print):
        source.fetch(recipe, prefix.for_recipe(recipe, print), print)
    found = source.pinned(recipe)
    assert found
    return found


@cache
def today() -> Path:
    """The pinned source distribution."""
    return archive(pinned())


@cache
def texts(sdist: Path) -> dict[str, str]:
    """The Python files of vLLM's package in `sdist`, by their path below vllm/."""
    found = {}
    with tarfile.open(sdist) as tar:
        for member in tar:
            top, _, name = member.name.partition("/vllm/")
            if name.endswith(".py") and "/" not in top:
                content = tar.extractfile(member)
                assert content
                found[name] = content.read().decode("utf-8")
    return found


def of_patches(recipe: Recipe, sdist: Path) -> dict[str, str]:
    """Whether each patch of `recipe` applies to `sdist`, is upstream, or where it does not fit."""
    found = {}
    paths.WORK.mkdir(parents=True, exist_ok=True)  # no build has run, or it has tidied up
    with tempfile.TemporaryDirectory(dir=paths.WORK) as folder:
        tree = patches.unpack(sdist, patches.touched(recipe.patches), Path(folder))
        for patch in recipe.patches:
            found["/".join(patch.parts[-2:])] = applied(patch, tree)
    return found


def applied(patch: Path, tree: Path) -> str:
    def apply(*options: str) -> subprocess.CompletedProcess[str]:
        command = ["git", "apply", *options, str(patch)]
        environment = patches.environment(tree)
        return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)

    done = apply()
    if not done.returncode:
        return "applies"
    if not apply("--reverse", "--check").returncode:
        return TAKEN
    named = re.findall(r"^error: (?:patch failed: )?([\w./-]+\.py)", done.stderr, re.MULTILINE)
    return f"does not apply: {', '.join(dict.fromkeys(named))}"


def of_shims(before: Texts, after: Texts) -> dict[str, dict[str, str]]:
    """What became of the definitions of vLLM that each shim names, if they are not the same."""
    found = {}
    for shim in sorted([*STAGES.glob("early/*.py"), *STAGES.glob("engine/*.py")]):
        names = dict.fromkeys(_named(shim.read_text(encoding="utf-8")))
        states = {name: state(name, before, after) for name in names}
        if others := {name: state for name, state in states.items() if state != "same"}:
            found[f"{shim.parent.name}/{shim.name}"] = others
    return found


def _named(text: str) -> Iterator[str]:
    """The modules and definitions below vllm that a shim names in TARGET and UPSTREAM, dotted."""
    said = " ".join(
        ast.literal_eval(one.value)
        for one in ast.parse(text).body
        if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) in ("TARGET", "UPSTREAM")
    )
    for path, name in re.findall(r"\bvllm/([\w/]+)\.py(?:, ([\w.]+))?", said):
        yield ".".join(filter(None, (path.replace("/", "."), name.rstrip("."))))
    yield from re.findall(r"\bvllm\.(\w+(?:\.\w+)+)", said)


def state(name: str, before: Texts, after: Texts) -> str:
    old, new = definitions.find(name, before), definitions.find(name, after)
    if not old:
        return NOWHERE
    return "same" if old == new else "changed" if new else "gone"


@cache
def unix_uses(sdist: Path) -> set[tuple[str, str]]:
    """What only Unix has, and the file of `sdist` that uses it."""
    return {(use, name) for name, text in texts(sdist).items() for use in unix_only.found(text)}


def of_unix(before: Path, after: Path) -> dict[str, list[str]]:
    """What counts on Unix in one of the two only; patches/windows.yaml is about the pinned one."""
    old, new = unix_uses(before), unix_uses(after)
    both = {"new": new - old, "gone": old - new}
    return {key: sorted(f"{name}: {use}" for use, name in found) for key, found in both.items()}


def report(version: str, sha256: str) -> dict[str, Any]:
    """All of it, for one release."""
    sdist = archive(released(version, sha256))
    return {
        "version": version,
        "sha256": sha256,
        "patches": of_patches(pinned(), sdist),
        "shims": of_shims(texts(today()), texts(sdist)),
        "unix": of_unix(today(), sdist),
    }


def stored() -> dict[str, Any]:
    """What was found last."""
    return dict(yaml.safe_load(FILE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    release = sys.argv[1:] or [stored()["version"], stored()["sha256"]]
    text = yaml.safe_dump(report(*release), sort_keys=False, width=100)
    FILE.write_text(HEAD + text, encoding="utf-8")
