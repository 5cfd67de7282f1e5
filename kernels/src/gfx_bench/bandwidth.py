"""The copy bandwidth of the device: a large copy, bytes read plus bytes written."""

from __future__ import annotations

import torch

from gfx_bench import timing
from gfx_bench.device import Device

COPIED_BYTES = 1 << 30


def copy_bandwidth(device: Device) -> float:
    """GB/s, the median of the replays."""
    source = torch.randint(0, 255, (COPIED_BYTES,), dtype=torch.uint8, device=device.torch_name)
    target = torch.empty_like(source)
    graph = device.capture([lambda: target.copy_(source)] * 4), 4
    (found,) = timing.interleaved(device, [graph], 20)
    return 2 * COPIED_BYTES / found.median / 1e3
