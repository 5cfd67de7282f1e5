"""Which GPU each replica gets, and the variable that shows it to the replica alone."""

from __future__ import annotations

import os

from vllm_gfx.parallel.replica import Replica
from vllm_gfx.preflight.gpus import contradiction
from vllm_gfx.preflight.world import VISIBLE
from vllm_gfx.refusal import Refusal


def devices(gpus: str, count: int | None) -> list[Replica]:
    """A replica for each GPU asked for. Raises Refusal for GPUs that are not there."""
    import torch

    variables = VISIBLE if torch.version.hip else VISIBLE[1:]  # in the order in which they are read
    if torch.version.hip and (refusal := contradiction(os.environ)) is not None:
        raise refusal
    present = torch.cuda.device_count()
    if not present:
        return _without_gpus(gpus, count)
    if count is not None:
        raise Refusal(f"--count {count} where there are GPUs", "name them with --gpus 0,1")
    said = next(filter(None, map(os.environ.get, variables)), "")
    named = (said or ",".join(map(str, range(present)))).split(",")
    chosen = gpus.split(",") if gpus else [str(i) for i in range(present)]
    for number in chosen:
        if not number.isdecimal() or int(number) >= present or chosen.count(number) > 1:
            what = f"--gpus {gpus}: {number!r} is not one of the GPUs, or is there twice"
            raise Refusal(what, f"{present} are visible; give numbers from 0 to {present - 1}")
    return [Replica(i, variables[0], named[int(n)].strip()) for i, n in enumerate(chosen)]


def _without_gpus(gpus: str, count: int | None) -> list[Replica]:
    if gpus or count is None:
        raise Refusal("there is no GPU that torch sees", "say how many replicas with --count 2")
    if count < 1:
        raise Refusal(f"--count {count}", "give a number from 1")
    return [Replica(i) for i in range(count)]
