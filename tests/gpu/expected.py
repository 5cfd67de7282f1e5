"""What the cpu target generates for the tiny model and its copies: the yardstick on a GPU.

    python -m tests.gpu.expected      # inside the cpu prefix: writes expected.json

In float16, as a GPU computes: a different precision would differ by more than a different device.
"""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from tests.support import adapter, engine, prompts, tinylm
from tests.support.agreement import Reference, Tokens

FILE = Path(__file__).with_name("expected.json")
STEPS = 64
PROMPTS = 50
DTYPE = "float16"
MAX_LEN = 512
LORA = "fp with an adapter"
COPIES = (tinylm.ORIGINAL, *tinylm.QUANTISED)
KEPT_NATS = 0.1  # second best tokens that are at most so far behind are written down
GREEDY = {"max_tokens": STEPS, "logprobs": 2}
FORCED = {"max_tokens": 1, "prompt_logprobs": 1}


@cache
def _stored() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text(encoding="utf-8")))


def prompt_ids() -> list[Tokens]:
    """The prompts as token ids, so that nobody needs the tokenizer."""
    return list(_stored()["prompts"])


def tokens(name: str) -> list[Tokens]:
    """What the cpu target generated with one of COPIES, or LORA."""
    return list(_stored()["answers"][name]["tokens"])


def reference(name: str) -> Reference:
    """That, and what was second best; `truth.reference` has log-probabilities too."""
    behind = [
        {int(step): (token, nats) for step, (token, nats) in row.items()}
        for row in _stored()["answers"][name]["behind"]
    ]
    return Reference(tokens(name), behind)


def asks(copies: list[str], ids: list[Tokens], lora: str = "", **llm: Any) -> list[engine.Ask]:
    """Engines that answer `ids`, one for each of `copies`; with `lora`, the adapter's folder."""
    settings = {"dtype": DTYPE, "max_model_len": MAX_LEN, "seed": 0, "enable_prefix_caching": False}
    if lora:
        settings |= {"enable_lora": True, "max_lora_rank": adapter.RANK}
    job = engine.Job(ids, params=dict(GREEDY), lora=lora or None)
    return [engine.Ask(str(tinylm.copy(name)), [job], {**settings, **llm}) for name in copies]


def forced(name: str, ids: list[Tokens]) -> engine.Job:
    """Reads `ids`, the first prompts, each followed by what the cpu target gave for it."""
    texts = [[*a, *b] for a, b in zip(ids, reference(name).tokens, strict=False)]
    return engine.Job(texts, params=dict(FORCED))


def _texts() -> list[str]:
    slices = [prompts.LICENSE[i * 260 :][: 40 + i * 37 % 400] for i in range(PROMPTS)]
    return [*prompts.SHORT, *slices][:PROMPTS]


def _ids() -> list[Tokens]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tinylm.copy(tinylm.ORIGINAL))
    return [tokenizer(text)["input_ids"] for text in _texts()]


def _write() -> None:
    ids = _ids()
    with tempfile.TemporaryDirectory() as folder:
        adapter.write(tinylm.copy(tinylm.ORIGINAL), Path(folder))
        wanted = [*asks(list(COPIES), ids), *asks([tinylm.ORIGINAL], ids, folder)]
        answers = engine.run_all(wanted)
    found = {}
    for name, given in zip((*COPIES, LORA), answers, strict=True):
        assert not given.error, given.error
        kept = Reference.of(given.tokens[0], given.logprobs[0], KEPT_NATS)
        found[name] = {"tokens": kept.tokens, "behind": kept.behind}
    FILE.write_text(_lines({"prompts": ids, "answers": found}), encoding="utf-8")


def _lines(content: dict[str, Any]) -> str:
    """JSON with a line for each prompt, so that a change can be read."""

    def rows(items: list[Any]) -> str:
        return "[\n" + ",\n".join(json.dumps(i, separators=(",", ":")) for i in items) + "]"

    answers = ",\n".join(
        f"{json.dumps(name)}: {{" + ",\n".join(f'"{k}": {rows(v)}' for k, v in one.items()) + "}"
        for name, one in content["answers"].items()
    )
    return f'{{"prompts": {rows(content["prompts"])},\n"answers": {{\n{answers}}}}}\n'


if __name__ == "__main__":
    _write()
