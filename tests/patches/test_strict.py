"""Each way in which a patch can be wrong is refused; the builder would accept most of them."""

from __future__ import annotations

import pytest

from tests.patches.conftest import SOURCE, Checkout
from tools import patches
from tools.errors import ToolError


def test_a_good_patch_applies(checkout: Checkout) -> None:
    assert patches.check(checkout.recipe(), checkout.archive) == 1


def test_it_is_really_applied(checkout: Checkout) -> None:
    """The source lies below a git repository, where `git apply` skips all files, silently."""
    recipe = checkout.recipe()
    folder = checkout.root / "build" / "unpacked"
    folder.mkdir()
    source = patches.unpack(checkout.archive, {"pkg/mod.py"}, folder)
    patches.apply_in_order(recipe, source)
    assert (source / "pkg/mod.py").read_text() == SOURCE.replace("line 10\n", "line X\n")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("-line 10\n", "-line 9999\n", "does not apply to thing 1.0: .*pkg/mod.py:"),
        (" line 9\n", " line Nine\n", "does not apply.*pkg/mod.py:"),
        (" line 7\n", " line Seven\n", "does not apply.*pkg/mod.py:"),  # a builder would fuzz it
        ("Why: it says nothing,\n and that in two lines\n", "", "no Why: line"),
        ("Remove-when: never\n", "Remove-when:\n", "no Remove-when: line"),
        ("Platform: all\n", "Platform: mac\n", "Platform: is one of"),
        ("a/pkg/mod.py", "a/pkg/other.py", "does not apply"),
        ("\n", "\r\n", "CRLF"),
    ],
)
def test_a_wrong_patch_is_refused(checkout: Checkout, old: str, new: str, words: str) -> None:
    text = checkout.patch.read_text()
    assert old in text
    checkout.patch.write_bytes(text.replace(old, new).encode())
    with pytest.raises(ToolError, match=words) as error:
        patches.check(checkout.recipe(), checkout.archive)
    assert "patches/thing/local/ten.patch" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_users_git_settings_make_it_no_laxer(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = checkout.root / "gitconfig"
    settings.write_text("[apply]\n\tignoreWhitespace = change\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    text = checkout.patch.read_text()
    assert " line 9\n" in text
    checkout.patch.write_text(text.replace(" line 9\n", " line   9\n"))
    with pytest.raises(ToolError, match="does not apply"):
        patches.check(checkout.recipe(), checkout.archive)


def test_an_empty_patch_is_refused(checkout: Checkout) -> None:
    checkout.patch.write_text(checkout.patch.read_text().split("\ndiff --git")[0])
    with pytest.raises(ToolError, match="no hunk"):
        patches.check(checkout.recipe(), checkout.archive)


def test_utf16_is_refused(checkout: Checkout) -> None:
    checkout.patch.write_bytes(checkout.patch.read_text().encode("utf-16"))
    with pytest.raises(ToolError, match="not UTF-8"):
        patches.check(checkout.recipe(), checkout.archive)


def test_a_patch_already_upstream_is_refused(checkout: Checkout) -> None:
    """Twice the same change: the second no longer applies. The builder would only warn."""
    twin = checkout.patch.with_name("twin.patch")
    twin.write_bytes(checkout.patch.read_bytes())
    with pytest.raises(ToolError, match=r"twin\.patch does not apply"):
        patches.check(checkout.recipe("local/ten.patch", "local/twin.patch"), checkout.archive)


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (
            ["local/ten.patch", "local/none.patch"],
            "lists patches/thing/local/none.patch, not there",
        ),
        (["local/ten.patch", "local/ten.patch"], "twice"),
    ],
)
def test_the_list_is_what_lies_on_disk(checkout: Checkout, listed: list[str], words: str) -> None:
    with pytest.raises(ToolError, match=words):
        patches.check_list(checkout.recipe(*listed))


@pytest.mark.parametrize("name", ["local/more.patch", "notes.txt"])
def test_a_stray_file_is_refused(checkout: Checkout, name: str) -> None:
    (checkout.root / "patches" / "thing" / name).write_text("x")
    with pytest.raises(ToolError, match="is not listed"):
        patches.check_list(checkout.recipe())


def test_the_folder_is_the_fate(checkout: Checkout) -> None:
    moved = checkout.patch.parent.with_name("someday")
    checkout.patch.parent.rename(moved)
    with pytest.raises(ToolError, match=r"not backport\|pending\|local"):
        patches.check_list(checkout.recipe("someday/ten.patch"))
