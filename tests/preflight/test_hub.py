"""A model that is not downloaded yet: its size by what a hub sends, which here is a local server.

Weights are files with true headers and no data; a client that asked for all of them would get them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, constants
from huggingface_hub.hf_api import ResolvedRevision
from vllm.transformers_utils import repo_utils
from vllm_gfx.preflight import hub, need, room
from vllm_gfx.preflight.room import Card
from vllm_gfx.refusal import Refusal

from tests.preflight.conftest import SHAPE_7B, Checkpoint, safetensors, tensors_of
from tests.preflight.test_need import configured
from tests.support.hub import COMMIT, Hub, served

GIB = 2**30
MODEL = "some/model"
SMALL, LARGE = Card("Radeon RX 7600", 8 * GIB), Card("Radeon PRO W7900", 48 * GIB)
HEADERS = 110_000  # bytes: the client asks for the first 100 kB of each file


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that vLLM's client of this process asks, with an empty cache; it holds `MODEL`."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    (tmp_path / "hub" / MODEL).mkdir(parents=True)
    hub._asked.cache_clear()
    with served(tmp_path / "hub") as found:
        monkeypatch.setattr(repo_utils, "_hf_api", HfApi(endpoint=found.address))
        yield found
    hub._asked.cache_clear()


@pytest.fixture
def local(checkpoint: Checkpoint) -> Any:
    """The configuration of the same model in a folder."""
    return configured(checkpoint(), max_model_len=4096)


def named(config: Any, **changes: Any) -> Any:
    """`config` for the model at the hub."""
    for name, value in {"model": MODEL, **changes}.items():
        setattr(config.model_config, name, value)
    return config


def place(theirs: Hub, **files: Any) -> None:
    """Files of `MODEL` at the hub: text, or as many elements of one tensor, named as the file."""
    for name, held in files.items():
        path = theirs.root / MODEL / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(held, int):
            safetensors(path, {path.name: ("BF16", [held])})
        else:
            path.write_text(held)


def whole(theirs: Hub) -> None:
    """The 7B of `local`, in two files and their index."""
    tensors = list(tensors_of(SHAPE_7B).items())
    names = "model-1-of-2.safetensors", "model-2-of-2.safetensors"
    for name, part in zip(names, (tensors[:150], tensors[150:]), strict=True):
        safetensors(theirs.root / MODEL / name, dict(part))
    placed = {key: names[row >= 150] for row, (key, _) in enumerate(tensors)}
    place(theirs, **{"model.safetensors.index.json": json.dumps({"weight_map": placed})})


def test_it_counts_like_one_on_this_disk(theirs: Hub, local: Any) -> None:
    whole(theirs)
    wanted = need.of(local)
    assert need.of(named(local)) == wanted and wanted.weights and wanted.in_4bit
    assert 0 < theirs.weights_sent < 2 * HEADERS


def test_one_that_fits_passes_and_another_is_refused(theirs: Hub, local: Any) -> None:
    """In the words for a model on this disk, and before its weights are downloaded."""
    whole(theirs)
    with pytest.raises(Refusal) as on_disk:
        room.check(local, [SMALL])
    named(local)
    room.check(local, [LARGE])
    with pytest.raises(Refusal, match=r" GiB are missing.*; would fit: a 4-bit") as asked:
        room.check(local, [SMALL])
    assert str(asked.value) == str(on_disk.value)
    assert theirs.weights_sent < 2 * HEADERS


@pytest.mark.parametrize(
    ("held", "settings", "elements"),
    [
        ({"a.safetensors": 5, "b.safetensors": 7}, {}, 12),
        ({"a.safetensors": 5, "original/b.safetensors": 7, "more/c.safetensors": 9}, {}, 5),
        ({"a.safetensors": 5, "pytorch_model.bin": "0" * 900}, {}, 5),
        ({"model.safetensors": 5, "consolidated.safetensors": 7}, {}, 7),
        ({"model.safetensors": 5, "consolidated.safetensors": 7}, {"load_format": "hf"}, 5),
        ({"model.safetensors": 5, "consolidated.safetensors": 7}, {"load_format": "mistral"}, 7),
        ({"a.safetensors": 5, "a.fp32.safetensors": 9}, {"ignore_patterns": ["*fp32*"]}, 5),
        ({"a.safetensors": 5, "a.fp32.safetensors": 9}, {"ignore_patterns": "*fp32*"}, 5),
        ({"a.safetensors": 5}, {"load_format": "pt"}, 0),
        ({"pytorch_model.bin": "0" * 900}, {}, 0),
    ],
)
def test_only_what_would_be_loaded_counts(
    held: dict[str, Any], settings: dict[str, Any], elements: int, theirs: Hub, local: Any
) -> None:
    place(theirs, **held)
    for name, value in settings.items():
        setattr(local.load_config, name, value)
    assert need.of(named(local)).weights == 2 * elements


def test_files_that_no_index_names_do_not_count(theirs: Hub, local: Any) -> None:
    placed = json.dumps({"weight_map": {"a": "a.safetensors"}})
    place(
        theirs, **{"a.safetensors": 5, "b.safetensors": 7, "model.safetensors.index.json": placed}
    )
    assert need.of(named(local)).weights == 10


def test_it_asks_as_the_engine_s_arguments_say(theirs: Hub, local: Any, tmp_path: Path) -> None:
    """For the commit that vLLM found, with its token; the index goes where its download goes."""
    whole(theirs)
    local.load_config.download_dir = str(tmp_path / "mine")
    revision = ResolvedRevision(resolved=COMMIT, initial="main")
    assert need.of(named(local, revision=revision, hf_token="a-token")).weights
    assert all(COMMIT in path for path in theirs.sent)
    assert theirs.tokens == {"Bearer a-token"}
    assert [path.name for path in tmp_path.glob("mine/*/snapshots/*/*")] == [
        "model.safetensors.index.json"
    ]
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("download_dir", [None, "mine"])
def test_a_download_is_not_asked_about(
    download_dir: str | None, theirs: Hub, local: Any, tmp_path: Path
) -> None:
    """Until it is whole: before, its folder holds what small files vLLM has read."""
    cache = tmp_path / (download_dir or "cache")
    local.load_config.download_dir = str(cache) if download_dir else None
    snapshot = cache / "models--some--model" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    if not download_dir:  # the configuration never goes elsewhere
        (snapshot / "config.json").write_text("{}")
    place(theirs, **{"model.safetensors": 5})
    named(local, revision=ResolvedRevision(resolved=COMMIT, initial="main"))
    assert need.of(local).weights == 10 and theirs.sent
    theirs.sent.clear()
    hub._asked.cache_clear()
    safetensors(snapshot / "model.safetensors", {"a": ("BF16", [6])})
    assert need.of(local).weights == 12 and not theirs.sent


def test_a_download_without_headers_is_not_asked_about(
    theirs: Hub, local: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot = tmp_path / "cache" / "models--some--model" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for name in ("config.json", "pytorch_model.bin"):
        (snapshot / name).write_text("{}")
    named(local, revision=ResolvedRevision(resolved=COMMIT, initial="main"))
    assert need.of(local).weights == 0
    assert not theirs.sent and not said(caplog)


@pytest.mark.parametrize("name", ["/models/x.gguf", "s3://bucket/model", "a/b:Q4_K"])
def test_what_no_hub_holds(
    name: str, theirs: Hub, local: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert need.of(named(local, model=name)).weights == 0
    assert not theirs.sent and not said(caplog)


def test_offline_nothing_is_asked(
    theirs: Hub, local: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole(theirs)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    room.check(named(local), [SMALL])
    assert not theirs.sent and not said(caplog)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [row.getMessage() for row in caplog.records if row.name == "vllm.plugins.gfx"]


def _gone(theirs: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(theirs.root) as other:
        monkeypatch.setattr(repo_utils, "_hf_api", HfApi(endpoint=other.address))


def _forbidden(theirs: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    (theirs.root / MODEL).rmdir()


def _truncated(theirs: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    place(theirs, **{"model.safetensors": "version https://git-lfs"})


def _website(theirs: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs.says = "<html>"


def _no_cache(theirs: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    whole(theirs)
    Path(constants.HF_HUB_CACHE).write_text("a file, where a folder is to be")


def _elsewhere(theirs: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    whole(theirs)
    monkeypatch.setenv("VLLM_USE_MODELSCOPE", "1")


@pytest.mark.parametrize("broken", [_gone, _forbidden, _truncated, _website, _no_cache, _elsewhere])
def test_a_hub_that_does_not_tell_stops_no_start(
    broken: Any,
    theirs: Hub,
    local: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is asked once and said once, though a start needs the answer several times."""
    broken(theirs, monkeypatch)
    for _ in range(2):
        room.check(named(local), [SMALL])
    (line,) = said(caplog)
    assert line.startswith(f"whether {MODEL} fits into the GPU's memory is known only once")
    assert "\n" not in line


# What a platform does with a VllmConfig, where all of vLLM asks the hub that HF_ENDPOINT names.
_STARTED = """
import sys
from vllm.platforms import current_platform
from vllm_gfx import refusal
from vllm_gfx.preflight import room

def check(vllm_config):
    room.check(vllm_config, [room.Card("Radeon RX 7600", 8 * 2**30)])

type(current_platform).check_and_update_config = staticmethod(check)
from vllm import EngineArgs
try:
    with refusal.of_configuration("it"):
        EngineArgs(model=sys.argv[1], skip_tokenizer_init=True).create_engine_config()
except refusal.Refusal as refused:
    print(refused)
"""


def test_a_start_by_a_hub_s_name(theirs: Hub, tmp_path: Path) -> None:
    """Before a byte of the weights' data is sent, or anything of them is kept."""
    whole(theirs)
    place(theirs, **{"config.json": json.dumps(SHAPE_7B), "original/model.safetensors": 9})
    home = {"HF_HOME": str(tmp_path / "home"), "HF_ENDPOINT": theirs.address, "HF_HUB_OFFLINE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", _STARTED, MODEL],
        capture_output=True,
        text=True,
        env={**os.environ, **home},
    )
    line = done.stdout.splitlines()[-1]
    assert line.startswith("too little GPU memory: at least "), done.stdout + done.stderr[-3000:]
    assert "GiB are missing" in line and "would fit: a 4-bit copy" in line
    assert theirs.weights_sent < 2 * HEADERS and not list(
        (tmp_path / "home").rglob("*.safetensors")
    )
