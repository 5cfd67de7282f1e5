"""What pixi's schema does not see in a pixi.toml: names of one table that another must have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tools import solve, variants
from tools.pixi.manifest import Manifest, named

# What is read here; anything else would change an environment without our seeing it.
_TABLES = {"dependencies", "tasks", "platforms"}
_TOP = {"workspace", "environments", "feature", *_TABLES}
_TASK = {"cmd", "depends-on", "cwd"}
_SPEC = {"version", "build", "channel"}
_TEACH = "is not read by tools/pixi: teach it or do without"
_ENDINGS = (".py", ".sh", ".bat", ".toml", ".yaml")


def problems(manifest: Manifest) -> list[str]:
    """What is wrong, one line each."""
    checks = (_unread, _platforms, _features, _environments, _dependencies, _tasks)
    return list(dict.fromkeys(line for check in checks for line in check(manifest)))


def _unread(manifest: Manifest) -> Iterator[str]:
    for key in sorted(set(manifest.tables) - _TOP):
        yield f"[{key}] {_TEACH}"
    for name, table in manifest.features.items():
        for key in sorted(set(table) - _TABLES):
            yield f"[feature.{name}.{key}] {_TEACH}"


def _platforms(manifest: Manifest) -> Iterator[str]:
    known = manifest.platforms
    for name, count in Counter(p.name for p in known).items():
        if count > 1:
            yield f"platform {name!r} is declared {count} times"
    for _, count in Counter((p.subdir, frozenset(p.virtual)) for p in known).items():
        if count > 1:
            yield "two platforms are declared alike: pixi wants one name for each"
    for platform in known:
        if platform.subdir not in solve.ELSEWHERE:
            said = f"platform {platform.name!r} is for {platform.subdir!r}"
            yield f"{said}; the channel is for: {', '.join(solve.ELSEWHERE)}"
    for feature, table in manifest.features.items():
        for name in table.get("platforms", []):
            if name not in {p.name for p in known}:
                yield f"feature {feature!r} names the platform {name!r}, which is not declared"


def _features(manifest: Manifest) -> Iterator[str]:
    used = set()
    for environment, entry in manifest.tables.get("environments", {}).items():
        for feature in named(entry)[0]:
            used.add(feature)
            if feature not in manifest.features:
                where = f"environment {environment!r}"
                yield f"{where} names the feature {feature!r}, which is not there"
    for feature in sorted(manifest.features.keys() - used):
        yield f"feature {feature!r} is in no environment"


def _environments(manifest: Manifest) -> Iterator[str]:
    known = [*variants.all_targets(), "auto"]
    for environment in manifest.environments():
        name, target = environment.name, environment.target
        if not environment.platforms:
            yield f"environment {name!r} is for no platform: its features share none"
        if "vllm" in environment.dependencies and not target:
            yield f"environment {name!r} asks for no target: add gfx-target or gfx-auto"
        if target and target not in known:
            yield f"environment {name!r} asks for the target {target!r}; known: {', '.join(known)}"
        if "gfx-auto" in environment.dependencies and target != "auto":
            yield f"environment {name!r} asks for {target!r} and for gfx-auto"


def _dependencies(manifest: Manifest) -> Iterator[str]:
    for environment in manifest.environments():
        for name, wanted in environment.dependencies.items():
            keys = {} if isinstance(wanted, str) else wanted
            for key in sorted(set(keys) - _SPEC):
                yield f"dependency {name!r}: {key!r} {_TEACH}"
            if (channel := keys.get("channel")) not in (None, *manifest.channels):
                yield f"dependency {name!r} names the channel {channel!r}, which is not listed"


def _tasks(manifest: Manifest) -> Iterator[str]:
    for environment in manifest.environments():
        for name, task in environment.tasks.items():
            folder = manifest.root / task.get("cwd", ".")
            for key in sorted(set(task) - _TASK):
                yield f"task {name!r}: {key!r} {_TEACH}"
            for file in _files(str(task.get("cmd", ""))):
                if not (folder / file).is_file():
                    yield f"task {name!r} names the file {file!r}, which is not there"
            for needed in task.get("depends-on", []):
                wanted = needed if isinstance(needed, str) else needed["task"]
                if wanted not in environment.tasks:
                    where = f"environment {environment.name!r}"
                    yield f"task {name!r} needs the task {wanted!r}, which {where} does not have"


def _files(command: str) -> list[str]:
    """The words of a command that can only be files of the checkout."""
    words = [word for word in command.split() if not word.startswith("-")]
    return [word for word in words if word.endswith(_ENDINGS) or "/" in word]
