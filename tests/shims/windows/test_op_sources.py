"""Where operators were registered is what upstream says, and nothing is read for it."""

from __future__ import annotations

import inspect
import sys

from tests.support import fresh


def _compared() -> None:
    from vllm_gfx.early import op_sources

    ours, upstreams = [], []
    get_source = op_sources.get_source

    def both(stacklevel: int) -> str:
        frame = inspect.getframeinfo(sys._getframe(stacklevel))
        upstreams.append(f"{frame.filename}:{frame.lineno}")
        ours.append(get_source(stacklevel + 1))
        return ours[-1]

    assert op_sources.needed() and "torch" not in sys.modules
    op_sources.get_source = both
    op_sources.install()
    import torch
    from torch._library import utils

    assert utils.get_source is both
    before = len(ours)
    assert before > 20, "torch's own"

    library = torch.library.Library("gfx_test", "DEF")
    library.define("nothing() -> ()")
    torch.library.register_fake("gfx_test::nothing", lambda: None, lib=library)
    assert ours == upstreams and len(ours) == before + 1
    assert ours[-1].partition(":")[0] == __file__, ours[-1]


def test_each_is_what_upstream_says() -> None:
    """Torch's own too, which it registers while it is being imported."""
    fresh.run(_compared)
