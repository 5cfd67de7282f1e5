"""Whether `vllm-gfx serve` is asked for an engine of several hosts, or to reach others' engines.

Their processes find this one by its own address, so that must not be set to this host's loopback.
"""

from __future__ import annotations

from collections.abc import Mapping

_HERE = ("127.0.0.1", "localhost", "::1")
# Flag -> the values with which everything stays on this host; Ray decides itself where workers run.
ALONE: dict[str, tuple[str, ...]] = {
    "data-parallel-address": _HERE,
    "data-parallel-backend": ("mp",),
    "distributed-executor-backend": ("mp", "uni"),
    "ec-transfer-config": (),
    "kv-events-config": (),
    "kv-transfer-config": (),
    "master-addr": _HERE,
    "nnodes": ("1",),
}
SHORT = {"-dpa": "--data-parallel-address", "-dpb": "--data-parallel-backend", "-n": "--nnodes"}


def asked(given: Mapping[str, str]) -> bool:
    """Whether `given`, flags by name, asks for that."""
    return any(given[name] not in here for name, here in ALONE.items() if name in given)
