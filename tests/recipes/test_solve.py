"""What the solver takes beside the targets; `tests/selection` is about those."""

from __future__ import annotations

import pytest

from tools import solve, variants
from tools.errors import ToolError

TARGETS = variants.all_targets()


def test_triton_is_the_one_that_pairs_with_torch() -> None:
    found = {r.name.normalized: str(r.version) for r in solve.records(["vllm"])}
    assert (found["pytorch"], found["triton"]) == ("2.13.0", "3.7.1")


def test_another_torch_is_refused() -> None:
    with pytest.raises(ToolError, match="pytorch"):
        solve.records(["vllm", "pytorch ==2.12.0"])


@pytest.mark.parametrize(
    "target", [v.name for v in TARGETS.values() if v.has_card and len(v.platforms) > 1]
)
def test_every_platform_gets_the_same_bytes(target: str) -> None:
    found = [
        [
            r.sha256
            for r in solve.records(["gfx-kernels", *solve.asks_for(target)], platform=p)
            if r.name.normalized == "gfx-kernels"
        ]
        for p in TARGETS[target].platforms
    ]
    assert len(found) > 1 and found[0] and all(one == found[0] for one in found)
