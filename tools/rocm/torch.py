"""Whose torch an environment has: AMD's, or one without ROCm that any other channel may bring."""

from __future__ import annotations

from collections.abc import Sequence

from rattler import RepoDataRecord

from tools.errors import ToolError
from tools.variants import chosen


def lacking(target: str, platform: str, records: Sequence[RepoDataRecord]) -> ToolError | None:
    """The error for a card's environment whose torch is not AMD's; None where all is well."""
    (variant,) = chosen([target])
    found = {record.name.normalized: record for record in records}
    torch = found.get("pytorch")
    if not variant.has_card or not torch or str(torch.build).startswith("rocm"):
        return None
    python = ".".join(str(found["python"].version).split(".")[:2])
    return ToolError(
        f"the channel has no torch for {target} on {platform}",
        f"run: python dev.py build --rocm --target {target} --platform {platform}"
        f" --python {python}",
    )
