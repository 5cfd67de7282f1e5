"""Runs inside an installed prefix: text from a model, and which implementation served each layer.

    python generate.py MODEL PROMPT

Prints one JSON object: prompt, text, tokens, seconds, report (rows of `vllm_gfx.report`).
"""

import json
import sys
import time
from dataclasses import asdict


def main(model: str, prompt: str) -> None:
    from vllm import LLM, SamplingParams
    from vllm_gfx import report

    started = time.monotonic()
    engine = LLM(model, enforce_eager=True)
    loaded = time.monotonic()
    (answer,) = engine.generate([prompt], SamplingParams(temperature=0, max_tokens=48))
    completion = answer.outputs[0]
    found = {
        "prompt": prompt,
        "text": completion.text,
        "tokens": len(completion.token_ids),
        "seconds": {"load": loaded - started, "generate": time.monotonic() - loaded},
        "report": [asdict(row) for row in report.rows()],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
