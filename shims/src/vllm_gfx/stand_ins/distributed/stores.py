"""Key-value stores: dictionaries, since nobody else writes into them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from torch.distributed import DistStoreError

from vllm_gfx.stand_ins.distributed.types import DEFAULT_TIMEOUT, require_alone


class Store:
    """A store of this process. A key that nobody set is an error at once: nobody ever will."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._prefix = ""
        self.timeout = DEFAULT_TIMEOUT

    def set(self, key: str, value: str | bytes) -> None:
        """Store `value`, as bytes."""
        self._values[self._prefix + key] = (
            value.encode() if isinstance(value, str) else bytes(value)
        )

    def get(self, key: str) -> bytes:
        """What was set. Raises torch's DistStoreError for an unknown key."""
        self.wait([key])
        return self._values[self._prefix + key]

    def add(self, key: str, amount: int) -> int:
        """Count up, from 0."""
        total = int(self._values.get(self._prefix + key, b"0")) + amount
        self.set(key, str(total))
        return total

    def check(self, keys: Sequence[str]) -> bool:
        """Whether all of `keys` are set."""
        return all(self._prefix + key in self._values for key in keys)

    def wait(self, keys: Sequence[str], timeout: timedelta | None = None) -> None:
        """Raise torch's DistStoreError if one of `keys` is not set."""
        if missing := [key for key in keys if not self.check([key])]:
            raise DistStoreError(f"wait: no other process will set {', '.join(missing)}")

    def delete_key(self, key: str) -> bool:
        """Whether there was such a key."""
        return self._values.pop(self._prefix + key, None) is not None

    def num_keys(self) -> int:
        """How many keys are set."""
        return len(self._values)

    def set_timeout(self, timeout: timedelta) -> None:
        """Remember it; nothing waits."""
        self.timeout = timeout


class PrefixStore(Store):
    """A store whose keys are other than those of the store it stands before."""

    def __init__(self, prefix: str, store: Store) -> None:
        super().__init__()
        self._values, self._prefix = store._values, f"{store._prefix}{prefix}/"
        self.underlying_store = store


class FileStore(Store):
    """A store that other processes could find by a file's name. Raises Refusal if they should."""

    def __init__(self, file_name: str, world_size: int = -1) -> None:
        require_alone("FileStore", world_size)
        super().__init__()
        self.path = file_name


class TCPStore(Store):
    """A store that other processes could find by an address. Raises Refusal if they should."""

    def __init__(
        self, host_name: str, port: int, world_size: int | None = None, *_: Any, **__: Any
    ) -> None:
        require_alone("TCPStore", world_size or 1)
        super().__init__()
        self.host, self.port = host_name, port


def rendezvous(
    url: str, rank: int = -1, world_size: int = -1, **_: Any
) -> Iterator[tuple[Store, int, int]]:
    """Meet the other processes: one store, rank 0 of 1. Raises Refusal for more."""
    require_alone("rendezvous", world_size, rank)
    yield Store(), 0, 1
