"""`pin rocm`, against a local copy of an index laid out as AMD's."""

from __future__ import annotations

import errno
import functools
import html
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import filelock
import pytest

from tests.rocm.conftest import LINUX, PYTHON, TARGETS, Stack
from tests.rocm.wheels import Release
from tools import cache, paths, recipes, variants
from tools.errors import ToolError
from tools.rocm import command, measure, pins, store
from tools.rocm.build import build_stack
from tools.rocm.index import Index
from tools.rocm.jobs import stack as stack_jobs
from tools.rocm.measure import measured
from tools.standin import pip

TORCH = LINUX.name("torch", "2.13.0+rocm10.0.0")
CORE = ("rocm", "rocm-")  # projects that the aggregate sends to one product; the others to another


class Pages(http.server.SimpleHTTPRequestHandler):
    """`/whl-next/<project>/` redirects to its owner; pages name files beside them, without hashes.

    `cut` are file names that end early.
    """

    cut: tuple[str, ...] = ()

    def do_GET(self) -> None:
        parts = self.path.strip("/").split("/")
        if parts[0] == "whl-next":
            owner = "core" if parts[1].startswith(CORE) else "pytorch"
            self.send_response(301)
            self.send_header("Location", f"/{owner}{self.path}")
            self.end_headers()
        else:
            super().do_GET()

    def copyfile(self, source, outputfile) -> None:  # type: ignore[no-untyped-def]
        if self.path.rpartition("/")[2] in self.cut:
            outputfile.write(source.read()[:-50])
        else:
            super().copyfile(source, outputfile)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def index(stack: Stack) -> Iterator[str]:
    """The address of an index with all of `stack`'s wheels; nothing is pinned yet."""
    root = stack.root / "index"
    for file in stack.wheels.iterdir():
        add(root, file)
    pins.write(pins.Pins(index="http://127.0.0.1:9", wheels=_from_pip(stack)))
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Pages, directory=str(root))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/whl-next"
    server.shutdown()
    server.server_close()
    Pages.cut = ()


def _from_pip(stack: Stack) -> dict[str, pins.Pin]:
    """triton-windows is not on AMD's index; its row was there before."""
    (file,) = stack.wheels.glob("triton_windows-*")
    sha256, size = store.measure(file)
    return {file.name: pins.Pin(sha256=sha256, size=size, index="pip")}


def add(root: Path, file: Path, digest: str = "") -> None:
    """Put `file` on the index and on its page."""
    project = pins.project(file.name)
    owner = "core" if project.startswith(CORE) else "pytorch"
    folder = root / owner / "whl-next" / project
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, folder)
    page = folder / "index.html"
    link = f'<a href="{quote(file.name)}{digest}">{html.escape(file.name)}</a><br>\n'
    old = page.read_text() if page.exists() else "<!DOCTYPE html><html><body>\n"
    page.write_text(old + link)


def pin(index: str, *targets: str, platforms: tuple[str, ...] = ("linux-64",)) -> None:
    command.pin("rocm", "10.0.0", list(targets), list(platforms), [PYTHON], index)


def test_every_file_is_measured_and_then_builds_without_the_index(
    stack: Stack, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(index, *TARGETS, platforms=("linux-64", "win-64"))
    found = pins.read().wheels
    assert found.keys() == {file.name for file in stack.wheels.iterdir()}
    for file in stack.wheels.iterdir():
        assert (found[file.name].sha256, found[file.name].size) == store.measure(file)
    made: list[str] = []
    monkeypatch.setattr("tools.build.make", lambda job, _: made.append(job.name))
    monkeypatch.setattr("tools.build.publish", lambda: None)
    monkeypatch.setattr(store, "downloaded", lambda *_: pytest.fail("downloaded again"))
    build_stack(list(TARGETS), "linux-64", [PYTHON], None)
    assert "rocm/pytorch-linux-64-3.11" in made


def test_versions_are_those_that_the_wheels_name(stack: Stack, index: str) -> None:
    """Several on one page: torchvision says which torch it needs, and torch which triton."""
    root, other = stack.root / "index", stack.root / "other"
    other.mkdir()
    newer = Release(windows=False, torchvision="0.29.0", torch="2.14.0", triton="3.9.0+git1")
    add(root, newer.vision_host().write(other))
    add(root, newer.triton_host("").write(other))
    text = paths.PINS.read_text()
    pins_before = text.replace('torchvision: ["0.28.0"]', 'torchvision: ["0.1"]')
    paths.PINS.write_text(pins_before.replace("3.8.0+git4cff872c", "3.0+gitold"))
    pin(index, "gfx1100")
    assert paths.PINS.read_text() == text
    assert recipes.shared_pins()["triton_amd"] == "3.8.0+git4cff872c"


def test_what_has_a_hash_is_not_fetched_again(
    stack: Stack, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(index, "gfx1100")
    before = paths.ROCM.read_text()
    monkeypatch.setattr(store, "downloaded", lambda *_: pytest.fail("downloaded again"))
    pin(index, "gfx1100")
    assert paths.ROCM.read_text() == before


def test_a_full_disk_is_one_line(stack: Stack, index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pins, "write", full)
    with pytest.raises(ToolError, match="no disk space left while writing below"):
        pin(index, "gfx1100")


def test_a_truncated_download_is_not_pinned(stack: Stack, index: str) -> None:
    Pages.cut = (quote(TORCH),)
    with pytest.raises(ToolError, match=r"cannot download torch-2.*|torch-2.* is truncated"):
        pin(index, "gfx1100")
    assert TORCH not in pins.read().wheels
    Pages.cut = ()
    pin(index, "gfx1100")
    assert pins.read().wheels[TORCH].sha256


def test_a_wheel_that_is_not_what_its_record_says_is_not_pinned(stack: Stack, index: str) -> None:
    made = LINUX.torch_device("gfx1100")
    digest = made.record().split(b"sha256=")[1][:64]
    damaged = made.write(stack.root, lambda r: r.replace(digest, b"0" * 64))
    shutil.copy(damaged, stack.root / "index/pytorch/whl-next/amd-torch-device-gfx1100")
    with pytest.raises(ToolError, match=r"is not what RECORD says; download it again; nothing was"):
        pin(index, "gfx1100")
    assert made.file not in pins.read().wheels


def test_a_hash_that_the_page_does_give_must_hold(stack: Stack, index: str) -> None:
    page = stack.root / "index/pytorch/whl-next/torch/index.html"
    page.unlink()
    add(stack.root / "index", stack.wheels / TORCH, f"#sha256={'0' * 64}")
    with pytest.raises(
        ToolError, match=r"torch-2.* has sha256 \w+, recipes/rocm\.yaml or its index says 0000"
    ):
        pin(index, "gfx1100")


def test_a_hash_that_is_pinned_must_hold_whatever_the_page_says(stack: Stack, index: str) -> None:
    sha256, size = store.measure(stack.wheels / TORCH)
    page = stack.root / "index/pytorch/whl-next/torch/index.html"
    page.unlink()
    add(stack.root / "index", stack.wheels / TORCH, f"#sha256={sha256}")
    before = pins.Pin(sha256="a" * 64, size=size, seen="a record")
    known = pins.Pins(index=index, wheels={TORCH: before})
    with pytest.raises(ToolError, match=rf"torch-2.* has sha256 {sha256}, recipes.* says aaaa"):
        measured(measure.Release("10.0.0", Index(index), known), TORCH, print)
    assert known.wheels == {TORCH: before}


def test_a_row_that_has_a_hash_stays_as_it_is(stack: Stack, index: str) -> None:
    row = pins.Pin(sha256=store.measure(stack.wheels / TORCH)[0], size=None, seen="a record")
    known = pins.Pins(index=index, wheels={TORCH: row})
    file = measured(measure.Release("10.0.0", Index(index), known), TORCH, print)
    assert file.is_file() and known.wheels == {TORCH: row}


@pytest.mark.parametrize("folder", ["", "../files/"])
def test_a_file_elsewhere_below_the_index_keeps_its_url(
    stack: Stack, index: str, folder: str
) -> None:
    root = index.replace("/whl-next", "/pytorch/whl-next")  # where nothing is redirected
    project = stack.root / "index/pytorch/whl-next/torch"
    where = project / folder
    where.mkdir(exist_ok=True)
    (project / TORCH).rename(where / TORCH)
    (project / "index.html").write_text(f'<a href="{folder}{quote(TORCH)}">{TORCH}</a>')
    known = pins.Pins(index=root, wheels={})
    measured(measure.Release("10.0.0", Index(root), known), TORCH, print)
    assert bool(known.wheels[TORCH].url) == bool(folder)
    shutil.rmtree(cache.root())
    assert store.place(known, TORCH, "linux-64", None, print).is_file()


def test_a_file_from_pip_enters_the_cache_under_its_lock(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = stack_jobs(variants.chosen(["gfx1100"]), "win-64", [PYTHON])
    (job,) = (job for job in jobs if job.recipe.raw["extra"].get("index") == "pip")
    name = str(job.wheel)
    added = cache.add

    def add_locked(file: Path, sha256: str) -> Path:
        with pytest.raises(filelock.Timeout):
            filelock.FileLock(cache.root() / "lock").acquire(blocking=False)
        return added(file, sha256)

    monkeypatch.setattr(cache, "add", add_locked)
    monkeypatch.setattr(
        pip, "download", lambda _, folder, *__, **___: shutil.copy(stack.wheels / name, folder)
    )
    known = pins.Pins(index="http://127.0.0.1:9", wheels={})
    release = measure.Release("10.0.0", Index(known.index), known)
    measure.from_pip(release, name, job, print)
    assert known.wheels.keys() == {name}


def test_pinning_while_a_build_runs_is_refused(stack: Stack, index: str) -> None:
    paths.BUILD.mkdir(exist_ok=True)
    with (
        filelock.FileLock(paths.BUILD / "lock"),
        pytest.raises(ToolError, match=r"another build is running in this checkout"),
    ):
        pin(index, "gfx1100")
    assert TORCH not in pins.read().wheels


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("project", r"has no rocm-sdk-device-gfx1100; AMD may publish it on another stream"),
        ("file", r"page of rocm-sdk-device-gfx1100 at .* does not list rocm_sdk_device_gfx1100-"),
        ("garbage", r"page of rocm-sdk-device-gfx1100 at .* does not list"),
    ],
)
def test_a_page_without_the_file_is_one_line(
    stack: Stack, index: str, spoil: str, message: str
) -> None:
    folder = stack.root / "index/core/whl-next/rocm-sdk-device-gfx1100"
    if spoil == "project":
        shutil.rmtree(folder)
    else:
        (folder / "index.html").write_text("<html>" if spoil == "file" else "\0 no page at all")
    with pytest.raises(ToolError, match=message):
        pin(index, "gfx1100")


def test_asked_for_everything_a_missing_target_is_left_out_and_named(
    stack: Stack, index: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(stack.root / "index/core/whl-next/rocm-sdk-device-gfx1100")
    command.pin("rocm", "10.0.0", None, ["linux-64"], [PYTHON], index)
    assert "left out:" in capsys.readouterr().err
    assert LINUX.device("gfx1100").file not in pins.read().wheels
    assert LINUX.device("gfx1201").file in pins.read().wheels


def test_another_release_says_which_torch_it_has(stack: Stack, index: str) -> None:
    before = paths.PINS.read_text()
    with pytest.raises(
        ToolError, match=r"no torch 2\.13\.0\+rocm9\.9\.9, only other releases; `tor"
    ):
        command.pin("rocm", "9.9.9", ["gfx1100"], ["linux-64"], [PYTHON], index)
    assert paths.PINS.read_text() == before


def test_no_index_is_one_line(stack: Stack) -> None:
    with pytest.raises(ToolError, match=r"cannot read http://127\.0\.0\.1:9/torch: .*--index"):
        pin("http://127.0.0.1:9", "gfx1100")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("cuda", "1", None, None, None, None), r"cannot pin 'cuda'; only rocm"),
        (("rocm", "ten", None, None, None, None), r"'ten' is no version; as 10\.0\.0"),
        (("rocm", "10.0.0", ["gfx1"], None, None, None), r"unknown target 'gfx1'"),
        (("rocm", "10.0.0", None, ["mac"], None, None), r"unknown platform 'mac'"),
        (("rocm", "10.0.0", None, None, ["3"], None), r"'3' is no version of Python"),
    ],
)
def test_unknown_words_are_one_line(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(ToolError, match=message):
        command.pin(*words)  # type: ignore[arg-type]


def test_an_interrupted_run_keeps_what_it_measured(stack: Stack, index: str) -> None:
    shutil.rmtree(stack.root / "index/pytorch/whl-next/amd-torch-device-gfx110x")
    with pytest.raises(ToolError, match=r"has no amd-torch-device-gfx110x"):
        pin(index, "gfx1100")
    kept = pins.read().wheels
    assert LINUX.torch_device("gfx1100").file in kept
    assert cache.find(str(kept[LINUX.torch_device("gfx1100").file].sha256), print)
