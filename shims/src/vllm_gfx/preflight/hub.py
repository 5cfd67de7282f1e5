"""How large a model is that is not downloaded yet: the hub sends the headers of its files.

They are a few hundred kilobytes of many gigabytes. A hub that cannot be asked stops no start: it is
said once that the weights were not counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from huggingface_hub import constants, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError, HTTPError, SafetensorsParsingError
from huggingface_hub.utils import filter_repo_objects
from vllm import envs as vllm_envs
from vllm.logger import init_logger

from vllm_gfx.preflight import files
from vllm_gfx.preflight.files import Tensor

logger = init_logger("vllm.plugins.gfx")  # under `vllm`, whose handlers print it

# Files by which a download is found; with --download-dir it has no configuration.
_TELLING = ("config.json", "params.json", *files.INDICES, *files.ALONE)
_AT_ONCE = 8  # requests, as the hub's client downloads


class _Unknown(Exception):
    """Why nobody can tell."""


# A hub that does not answer, refuses, or answers what is no header or no JSON.
_FAILS = (_Unknown, OSError, HTTPError, SafetensorsParsingError, ValueError)


@dataclass(frozen=True)
class Repository:
    """A `files.Source`: a model at the hub, as the engine's arguments name it."""

    name: str
    revision: str | None
    token: str | bool | None
    download_dir: str | None
    ignored: tuple[str, ...]

    def names(self) -> list[str]:
        """See Source. Without the files that a download leaves out."""
        about = self._api().model_info(  # which does not try again for half a minute
            self.name,
            revision=self.revision,
            token=self.token,
            timeout=constants.HF_HUB_ETAG_TIMEOUT,
        )
        names = [file.rfilename for file in about.siblings or () if "/" not in file.rfilename]
        return list(filter_repo_objects(names, ignore_patterns=list(self.ignored)))

    def text(self, name: str) -> str:
        """See Source. Kept where vLLM will look for it."""
        path = self._api().hf_hub_download(
            self.name,
            name,
            revision=self.revision,
            token=self.token,
            cache_dir=self.download_dir,
        )
        return Path(path).read_text("utf-8")

    def tensors(self, names: Iterable[str]) -> list[Tensor]:
        """See Source."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return [tensor for found in pool.map(self._header, names) for tensor in found]

    def _header(self, name: str) -> list[Tensor]:
        header = self._api().parse_safetensors_file_metadata(
            self.name, name, revision=self.revision, token=self.token
        )
        return [
            files.of_entry(name, entry.dtype, entry.shape, entry.data_offsets)
            for name, entry in header.tensors.items()
        ]

    @staticmethod
    def _api() -> Any:
        from vllm.transformers_utils.repo_utils import hf_api

        return hf_api()


def on_disk(model: Any, load: Any) -> Path | None:
    """The folder that holds files of a model, by its ModelConfig and LoadConfig; maybe not all."""
    if Path(model.model).is_dir():
        return Path(model.model)
    places = {"revision": _commit(model.revision), "cache_dir": load.download_dir}
    try:
        found = [try_to_load_from_cache(model.model, name, **places) for name in _TELLING]
    except HFValidationError:  # a file, or the address of some other store
        return None
    return next((Path(file).parent for file in found if isinstance(file, str)), None)


def tensors(model: Any, load: Any) -> list[Tensor] | None:
    """What vLLM would download and load. None, and a line in the log, where nobody can tell."""
    if Path(model.model).exists() or constants.HF_HUB_OFFLINE:
        return None  # offline nothing will be downloaded either
    left_out = load.ignore_patterns
    ignored = (left_out,) if isinstance(left_out, str) else tuple(left_out)
    where = _commit(model.revision), model.hf_token, load.download_dir
    return _asked(Repository(model.model, *where, ignored), str(load.load_format))


def _commit(revision: str | None) -> str | None:
    """The commit, where vLLM has asked for it: caches other than the hub's own know no branch."""
    return getattr(revision, "resolved", revision)


@cache  # also a failure: a start asks several times
def _asked(place: Repository, load_format: str) -> list[Tensor] | None:
    try:
        return _found(place, load_format)
    except HFValidationError:
        return None  # a file, or the address of some other store
    except _FAILS as error:
        logger.warning(
            "whether %s fits into the GPU's memory is known only once it is loaded: %s",
            place.name,
            " ".join(str(error).split()),
        )
        return None


def _found(place: Repository, load_format: str) -> list[Tensor]:
    if vllm_envs.VLLM_USE_MODELSCOPE:
        raise _Unknown("ModelScope is not asked for sizes")
    if found := files.tensors(place, load_format):
        return found
    raise _Unknown("its repository has no whole set of safetensors files")
