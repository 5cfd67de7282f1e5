"""The copy bandwidth of the device: a large copy, bytes read plus bytes written."""

from __future__ import annotations

import torch

from gfx_bench import timing
from gfx_bench.device import Device

COPIED_BYTES = 4 << 30


def copy_bandwidth(device: Device) -> float:
    """GB/s, the best of the replays: what shares are taken of must not be too small.

    Not as a graph: a copy in a graph reaches two thirds of this on an H200.
    """
    source = torch.randint(
        -(2**31), 2**31, (COPIED_BYTES // 4,), dtype=torch.int32, device=device.torch_name
    )
    target = torch.empty_like(source)
    (found,) = timing.interleaved(device, [(lambda: target.copy_(source), 1)], 20)
    return 2 * COPIED_BYTES / found.minimum / 1e3
