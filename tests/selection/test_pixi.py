"""pixi.toml: pixi's own schema, and what the schema does not see."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tools import paths, solve, variants
from tools.errors import ToolError
from tools.pixi import __main__ as command
from tools.pixi.manifest import Manifest, read
from tools.pixi.problems import problems

SCHEMA = json.loads(Path(__file__).with_name("pixi-schema.json").read_text("utf-8"))
OURS = read()
Tables = dict[str, Any]


def refused(tables: Tables) -> list[str]:
    return [error.message for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(tables)]


def test_the_schema_accepts_ours() -> None:
    assert refused(OURS.tables) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t["workspace"].update(channel_priority="strict"), "channel_priority"),
        (lambda t: t["workspace"].update({"channel-priority": "strictest"}), "strictest"),
        (lambda t: t["feature"]["cpu"].update(platform="linux-64"), "platform"),
        (lambda t: t["tasks"].update(serve={"command": "x"}), "command"),
    ],
)
def test_the_schema_is_not_toothless(change: Callable[[Tables], None], words: str) -> None:
    tables = copy.deepcopy(OURS.tables)
    change(tables)
    assert any(words in line for line in map(str, refused(tables)))


def test_we_find_nothing_in_ours() -> None:
    assert problems(OURS) == []


FEATURE = {"dependencies": {}, "platforms": ["linux-64"]}
# What each change makes us say. The schema accepts all of them.
WRONG: list[tuple[Callable[[Tables], Any], str | None]] = [
    (
        lambda t: t["environments"].update(gfx1100=["gfx110"]),
        "environment 'gfx1100' names the feature 'gfx110', which is not there",
    ),
    (
        lambda t: t["feature"].update(lonely=FEATURE),
        "feature 'lonely' is in no environment",
    ),
    (
        lambda t: t["environments"].update(default=["dev"]),
        "environment 'default' asks for no target: add gfx-target or gfx-auto",
    ),
    (
        lambda t: t["feature"]["gfx1100"]["dependencies"]["gfx-target"].update(build="gfx1_*"),
        f"environment 'gfx1100' asks for the target 'gfx1'; known: "
        f"{', '.join([*variants.all_targets(), 'auto'])}",
    ),
    (
        lambda t: t["environments"].update(auto=["auto", "cpu"]),
        "environment 'auto' asks for 'cpu' and for gfx-auto",
    ),
    (
        lambda t: t["environments"].update(auto=["auto", "cpu"]),
        "environment 'auto' is for no platform: its features share none",
    ),
    (
        lambda t: t["feature"]["cpu"]["platforms"].append("linux-63"),
        "feature 'cpu' names the platform 'linux-63', which is not declared",
    ),
    (
        lambda t: t["workspace"]["platforms"].append("linux-65"),
        "platform 'linux-65' is for 'linux-65'; the channel is for: linux-64, win-64",
    ),
    (
        lambda t: t["workspace"]["platforms"].append("win-64"),
        "platform 'win-64' is declared 2 times",
    ),
    (
        lambda t: t["workspace"]["platforms"].append(
            {**t["workspace"]["platforms"][2], "name": "other"}
        ),
        "two platforms are declared alike: pixi wants one name for each",
    ),
    (
        lambda t: t["feature"]["dev"]["tasks"].update(lint="python tools/lint.py --fast"),
        None,
    ),
    (
        lambda t: t["feature"]["dev"]["tasks"].update(lint="python scripts/lint.py"),
        "task 'lint' names the file 'scripts/lint.py', which is not there",
    ),
    (
        lambda t: t["feature"]["dev"]["tasks"].update(lint={"cmd": "python dev.py", "cwd": "docs"}),
        "task 'lint' names the file 'dev.py', which is not there",
    ),
    (
        lambda t: t["tasks"].update(serve={"cmd": "vllm-gfx serve", "depends-on": ["build"]}),
        "task 'serve' needs the task 'build', which environment 'default' does not have",
    ),
    (
        lambda t: t["tasks"].update(serve={"cmd": "x", "depends-on": [{"task": "biuld"}]}),
        "task 'serve' needs the task 'biuld', which environment 'gfx1100' does not have",
    ),
    (
        lambda t: t["tasks"].update(serve={"cmd": "x", "depends-on": ["doctor"]}),
        None,
    ),
    (
        lambda t: t["dependencies"].update(vllm={"version": "*", "channel": "bioconda"}),
        "dependency 'vllm' names the channel 'bioconda', which is not listed",
    ),
    (
        lambda t: t["dependencies"].update(vllm={"path": "recipes/vllm"}),
        "dependency 'vllm': 'path' is not read by tools/pixi: teach it or do without",
    ),
    (
        lambda t: t.update({"pypi-dependencies": {"torch": "*"}}),
        "[pypi-dependencies] is not read by tools/pixi: teach it or do without",
    ),
    (
        lambda t: t["feature"]["cpu"].update(channels=["bioconda"]),
        "[feature.cpu.channels] is not read by tools/pixi: teach it or do without",
    ),
    (
        lambda t: t["tasks"].update(serve={"cmd": "x", "outputs": ["y"]}),
        "task 'serve': 'outputs' is not read by tools/pixi: teach it or do without",
    ),
]


@pytest.mark.parametrize(("change", "line"), WRONG, ids=[str(line)[:50] for _, line in WRONG])
def test_what_the_schema_does_not_see(change: Callable[[Tables], None], line: str | None) -> None:
    tables = copy.deepcopy(OURS.tables)
    change(tables)
    assert refused(tables) == []
    found = problems(Manifest(tables, paths.ROOT))
    assert line in found if line else not found


def test_a_file_that_is_no_toml_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "pixi.toml"
    broken.write_text("[workspace\n")
    with pytest.raises(ToolError, match=r"pixi\.toml: Expected ']'"):
        read(broken)
    monkeypatch.setattr(command, "read", lambda: read(broken))
    assert command.main() == 1
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_every_target_has_an_environment() -> None:
    cards = [v for v in variants.all_targets().values() if v.has_card]
    found = {e.name: e for e in OURS.environments()}
    assert set(found) == {"default", "auto", "dev", *(v.name for v in cards)}
    assert (found["default"].target, found["auto"].target) == (variants.REFERENCE, "auto")
    for variant in cards:
        environment = found[variant.name]
        assert environment.target == variant.name
        assert [p.name for p in environment.platforms] == variant.platforms


def test_auto_is_for_every_card_that_may_be_chosen() -> None:
    (auto,) = [e for e in OURS.environments() if e.name == "auto"]
    wanted = {
        (platform, v.isa[0])
        for v in variants.all_targets().values()
        if v.is_automatic
        for platform in v.platforms
    }
    virtual = [dict(p.virtual) for p in auto.platforms]
    assert {(p.subdir, dict(p.virtual)["__amdgpu_arch"]) for p in auto.platforms} == wanted
    assert all(v == {"__amdgpu": "0", "__amdgpu_arch": v["__amdgpu_arch"]} for v in virtual)


def test_our_channel_comes_first_and_is_never_mixed() -> None:
    workspace = OURS.tables["workspace"]
    assert workspace["channels"] == [f"./{paths.shown(paths.CHANNEL)}", "conda-forge"]
    assert workspace["channel-priority"] == "strict"
    assert [p.name for p in OURS.platforms if not p.virtual] == list(solve.ELSEWHERE)
