"""torch.distributed for one process, where torch was built without it.

The world is one process: a collective leaves its tensor as it is or copies it, and whatever needs a
second process raises Refusal. torch.distributed.is_available() stays False, so that torch itself
goes on without: torch.compile asks it before it touches sharded tensors.
"""

from vllm_gfx.stand_ins.distributed.modules import install

__all__ = ["install"]
