"""What each bench measures, and how: the words of the report."""

from __future__ import annotations

from tools.bench import energy
from tools.bench.difference import RULE

BENCHES = {
    "decode": "tokens/s of one stream after its first token, so without its prefill",
    "ttft": "seconds from a request to its first token, alone in the engine",
    "tpot": "seconds per output token of a stream after its first, over numbers of streams",
    "throughput": "tokens/s of all streams together, once all of them decode",
    "kv_capacity": "tokens that the KV cache holds",
    "memory": "bytes on the device: the peak of what torch reserved, and what weights and KV cache "
    "take of it",
    "startup": "seconds from the start of the process to an engine that answers",
    "roofline": "bytes that a decode step must read (weights and KV cache) by its time, as a share "
    "of the bandwidth of a large copy, measured in the same process",
    "step": "one decode step: its time, the time in kernels, the least share beside them, launches",
    "ablate": "time that a decode step saves when one class of kernels does nothing",
}

# label -> what it is; vllm_gfx.bench.plan.KNOWN is how it is made.
CONTESTANTS = {
    "gfx": "this plug-in, as installed",
    "upstream-w4": "the same engine with upstream's Triton kernel for 4-bit layers",
    "fp16": "the same engine on the unquantised checkpoint, its linear layers by our kernel",
    "fp16-torch": "the same, its linear layers by torch's product, as upstream has it",
}

SHORT = (
    "Starts with a * leave out the import of torch and the making of the GPU's context; rows that "
    "say `includes` count them."
)
METHOD = (
    "Every contestant and round is a process of its own, in turns: A B C A B C. Runs that warm up "
    "are not counted.",
    "A value is the median of the samples of all rounds; beside it stand their 10th and 90th "
    "percentile and how many there are.",
    "x says how many times as good ours (gfx) is, whichever direction is good; below 1 it loses. "
    "Only rows of one invocation are compared.",
    RULE,
    "Contestants: "
    + "; ".join(f"{name}, {what}" for name, what in CONTESTANTS.items())
    + ". What a contestant does not name is ours in each of them: the output head, norms, rotary "
    "embedding, activations, the write of the KV cache.",
    "The first start after a machine's boot takes longer than those that follow. It is a sample "
    "like the others, and mostly the worst; `cold` and `warm` are about compiled kernels.",
    SHORT,
    "Host share is a lower bound of what the host adds to a step: the step is timed without a "
    "profiler and its kernels with one, which makes them longer, and a launch that overlaps with "
    "the one before it, and still waits, counts as busy.",
    energy.MEANING,
    "`memory: peak` is what torch reserved on the GPU at most while it measured: not what other "
    "libraries, the driver and other processes hold, and loading may have taken more. Without a "
    "GPU it is the process's resident peak.",
    "Samples of one process do not show how processes differ, so take several rounds.",
)
