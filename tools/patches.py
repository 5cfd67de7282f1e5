"""Checks patches before the builder sees them.

rattler-build applies a patch with fuzz, and accepts an empty one or one in UTF-16 without applying
anything. So: what is listed is what lies on disk, every header is complete, and `git apply` takes
each patch in order on the pinned source, exactly.
"""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tools import paths
from tools.errors import ToolError
from tools.recipes import Recipe

HEADER = ("Why", "Origin", "Forwarded", "Platform", "Remove-when")
MAIL = ("From", "Date", "Subject")
FATES = ("backport", "pending", "local")
PLATFORMS = ("all", "win", "linux")


def check_text(patch: Path) -> None:
    """Raise ToolError unless `patch` is UTF-8 with LF, has a hunk and the whole header."""
    name = paths.shown(patch)
    raw = patch.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ToolError(f"{name} is not UTF-8", "write it with git format-patch") from None
    if b"\r\n" in raw or b"\0" in raw:
        raise ToolError(f"{name} has CRLF line ends or NUL bytes", "write it with git format-patch")
    if not re.search(r"^@@ -\d+(,\d+)? \+\d+(,\d+)? @@", text, re.MULTILINE):
        raise ToolError(f"{name} changes nothing: it has no hunk", "delete it or write it again")
    fields = header(text)
    for field in (*MAIL, *HEADER):
        if not fields.get(field):
            raise ToolError(f"{name} has no {field}: line in its header", "see CONTRIBUTING.md")
    if fields["Platform"] not in PLATFORMS:
        raise ToolError(f"{name}: Platform: is one of {', '.join(PLATFORMS)}")


def header(text: str) -> dict[str, str]:
    """The `Key: value` lines before the first `---`, folded lines joined."""
    top = text.split("\n---\n", 1)[0]
    unfolded = re.sub(r"\n[ \t]+", " ", top)
    return dict(re.findall(r"^([A-Z][A-Za-z-]*): (.+)$", unfolded, re.MULTILINE))


def check_list(recipe: Recipe) -> None:
    """Raise ToolError unless the recipe lists exactly the patches in patches/<its name>/."""
    folder = paths.PATCHES / recipe.name
    present = sorted(p for p in folder.rglob("*") if p.is_file())
    listed = recipe.patches
    for patch in listed:
        if patch not in present:
            raise ToolError(f"{paths.shown(recipe.file)} lists {paths.shown(patch)}, not there")
        if listed.count(patch) > 1:
            raise ToolError(f"{paths.shown(recipe.file)} lists {paths.shown(patch)} twice")
    for patch in present:
        if patch not in listed:
            raise ToolError(f"{paths.shown(patch)} is not listed in {paths.shown(recipe.file)}")
        if patch.suffix != ".patch" or patch.parent.name not in FATES:
            raise ToolError(f"{paths.shown(patch)}: not {'|'.join(FATES)}/<name>.patch")


def environment(source: Path) -> dict[str, str]:
    """What `git apply` is to see in the unpacked `source`, whatever this user's git is set to."""
    return {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {
        # Not below this checkout's .git: there git apply would skip every file and say nothing.
        "GIT_CEILING_DIRECTORIES": str(source.parent),
        "GIT_CONFIG_GLOBAL": os.devnull,  # apply.whitespace there would make this lenient
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C",
    }


def apply_in_order(recipe: Recipe, source: Path) -> None:
    """Apply the patches, without fuzz, to the unpacked `source`. Raises ToolError on the first
    that does not fit, naming the patch and the place."""
    for patch in recipe.patches:
        done = subprocess.run(
            ["git", "apply", "--verbose", str(patch)],
            cwd=source,
            env=environment(source),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            where = re.findall(r"^error: (.*)$", done.stderr, re.MULTILINE)
            raise ToolError(
                f"{paths.shown(patch)} does not apply to {recipe.name}"
                f" {recipe.context.get('version', '')}: {'; '.join(where) or done.stderr.strip()}",
                "rebase it on the new source or drop it (CONTRIBUTING.md says how)",
            )
        if "Skipped patch" in done.stderr:
            raise ToolError(f"git skipped {paths.shown(patch)}", "is its path outside the source?")


def check(recipe: Recipe, archive: Path) -> int:
    """Check everything about the patches of `recipe` on its source `archive`; their number."""
    check_list(recipe)
    for patch in recipe.patches:
        check_text(patch)
    if recipe.patches:
        paths.WORK.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=paths.WORK) as folder:
            apply_in_order(recipe, unpack(archive, touched(recipe.patches), Path(folder)))
    return len(recipe.patches)


def touched(patches: list[Path]) -> set[str]:
    """The files of the source that the patches name."""
    names = r"^(?:---|\+\+\+) [ab]/(.+)$"
    found = (re.findall(names, p.read_text(encoding="utf-8"), re.MULTILINE) for p in patches)
    return {name for names_ in found for name in names_}


def unpack(archive: Path, wanted: set[str], folder: Path) -> Path:
    """Unpack the `wanted` files of a source distribution; the one top folder it has."""
    with tarfile.open(archive) as tar:
        for member in tar:
            top, _, name = member.name.partition("/")
            if name in wanted:
                tar.extract(member, folder, filter="data")
    (folder / top).mkdir(exist_ok=True)
    return folder / top
