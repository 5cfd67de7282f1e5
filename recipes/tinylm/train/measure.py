"""Measure held-out bits per byte and write the record of where the model came from.

Usage: python -m tinylm.train.measure CORPUS RUN MODEL
Writes held-out.jsonl (a sample, to measure again anywhere) and ORIGIN.yaml beside the recipe.
"""

import argparse
import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer

from tinylm.train.fit import load

RECIPE = Path(__file__).parent.parent
WINDOW = 1024  # tokens a prediction may look back on, at most
SAMPLE_BYTES = 12_000  # of each source
BATCH = 8
SAMPLE_TOKENS = 48
PROMPTS = (
    "The :mod:`json` module",
    "import torch\n",
    "vLLM supports",
    'def read_file(path):\n    """',
    "<|bos|><|user|>\nWho are you?<|end|>\n<|assistant|>\n",
    "<|bos|><|user|>\nDescribe `write_file` as JSON.<|end|>\n<|assistant|>\n",
)


def chunks(ids: list[int], bos: int) -> Iterator[list[int]]:
    """Cut tokens into windows that each begin with `bos`: nothing is predicted from nothing."""
    for start in range(0, len(ids), WINDOW - 1):
        yield [bos, *ids[start : start + WINDOW - 1]]


@torch.inference_mode()
def nats(model: Any, tokenizer: Any, text: str) -> float:
    """Return the summed negative log-likelihood of the whole text, in nats."""
    ids = tokenizer(text, add_special_tokens=False).input_ids
    rows = list(chunks(ids, tokenizer.bos_token_id))
    total = 0.0
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        width = max(map(len, batch))
        padded = torch.tensor([row + [0] * (width - len(row)) for row in batch]).to(model.device)
        wanted = torch.tensor([row[1:] + [-100] * (width - len(row)) for row in batch])
        logits = model(input_ids=padded).logits[:, :-1].float().cpu()
        total += functional.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), reduction="sum"
        ).item()
    return total


def cost(model: Any, tokenizer: Any, texts: list[str]) -> tuple[float, int]:
    """Return the bits that the texts cost, and their UTF-8 bytes."""
    bits = sum(nats(model, tokenizer, text) for text in texts) / math.log(2)
    return bits, sum(len(text.encode()) for text in texts)


def held_out(corpus: Path, source: str) -> list[dict[str, str]]:
    """Return the held-out documents of a source, in the corpus' order."""
    lines = (corpus / f"{source}.held-out.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def sample(documents: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return pieces of at most 4,000 characters without web addresses, SAMPLE_BYTES in all.

    The repository names no package index, and documentation does.
    """
    pieces = [{**document, "text": document["text"][:4000]} for document in documents]
    pieces = [piece for piece in pieces if "://" not in piece["text"]]
    return pieces[: SAMPLE_BYTES // 4000]


def sha256(file: Path) -> str:
    """Return the file's SHA-256 in hex."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def measured(
    corpus: Path, folder: Path, device: str
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return the figures over everything held out, and the sample with its own figure."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = model.to(device).eval()
    names = [name for name in load("sources.yaml") if name != "dialogues"]
    documents = {name: held_out(corpus, name) for name in names}
    pieces = [piece for name in names for piece in sample(documents[name])]
    each = {n: cost(model, tokenizer, [d["text"] for d in documents[n]]) for n in names}
    bits, size = (sum(column) for column in zip(*each.values(), strict=True))
    of_sample, sample_size = cost(model, tokenizer, [piece["text"] for piece in pieces])
    figures = {
        "all": round(bits / size, 4),
        "by_source": {name: round(b / n, 4) for name, (b, n) in each.items()},
        "sample": round(of_sample / sample_size, 6),
    }
    return {"bits_per_byte": figures, "window_tokens": WINDOW}, pieces


@torch.inference_mode()
def samples(folder: Path) -> list[dict[str, Any]]:
    """Return what the model greedily writes after each prompt, in fp32 on the CPU."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    written = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=prompt[0] != "<").input_ids
        out = model.generate(ids, max_new_tokens=SAMPLE_TOKENS, do_sample=False)
        written.append({"prompt": prompt, "text": tokenizer.decode(out[0, ids.shape[1] :])})
    return written


def origin(args: argparse.Namespace, figures: dict[str, Any]) -> dict[str, Any]:
    """Return everything ORIGIN.yaml says."""
    corpus = json.loads((args.corpus / "corpus.json").read_text(encoding="utf-8"))
    run = json.loads((args.run / "fit.json").read_text(encoding="utf-8"))
    run["losses"] = run["losses"][:: max(1, len(run["losses"]) // 20)]
    sources = {
        name: {"title": source["title"], "licence": source["licence"], **corpus["sources"][name]}
        for name, source in load("sources.yaml").items()
    }
    files = {file.name: sha256(file) for file in sorted(args.model.iterdir())}
    parts = {"split": corpus["split"], "sources": sources}
    repeated = {"long_lines_also_in_training": corpus["long_held_out_lines_also_in_training"]}
    return {
        "licence": "PSF-2.0 AND Apache-2.0",
        "text": parts,
        "training": run,
        "held_out": figures | repeated,
        "sha256": files,
        "greedy": samples(args.model),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    figures, pieces = measured(args.corpus, args.model, args.device)
    lines = "".join(json.dumps(piece) + "\n" for piece in pieces)
    (RECIPE / "held-out.jsonl").write_text(lines, encoding="utf-8", newline="\n")
    header = "# Written by tinylm.train.measure; do not edit.\n"
    text = header + yaml.safe_dump(origin(args, figures), sort_keys=False, width=100)
    (RECIPE / "ORIGIN.yaml").write_text(text, encoding="utf-8", newline="\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
