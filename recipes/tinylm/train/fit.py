"""Train the model on the token arrays, for a given time or number of steps.

Usage: python -m tinylm.train.fit CORPUS OUT [--seconds 450] [--steps N] [--device cuda]
Writes OUT/weights.safetensors (fp16, Hugging Face names) and OUT/fit.json (seed, steps, losses).
"""

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import save_file
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

HERE = Path(__file__).parent
LOG_EVERY = 50


def load(name: str) -> dict[str, Any]:
    """Return one of the data files beside this script."""
    return dict(yaml.safe_load((HERE / name).read_text(encoding="utf-8")))


def windows(corpus: Path, rows: int, length: int, seed: int) -> Iterator[torch.Tensor]:
    """Yield int64 batches (rows, length + 1), each row cut at random from a random source."""
    weights = {name: source["weight"] for name, source in load("sources.yaml").items()}
    arrays = [np.load(corpus / f"{name}.train.npy") for name in weights]
    share = np.array(list(weights.values())) / sum(weights.values())
    generator = np.random.default_rng(seed)
    while True:
        chosen = [arrays[n] for n in generator.choice(len(arrays), rows, p=share)]
        starts = [generator.integers(len(array) - length) for array in chosen]
        cut = [array[s : s + length + 1] for array, s in zip(chosen, starts, strict=True)]
        yield torch.from_numpy(np.stack(cut).astype(np.int64))


def optimiser(model: LlamaForCausalLM, settings: dict[str, Any]) -> torch.optim.Optimizer:
    """Return AdamW that decays matrices only."""
    parameters = list(model.parameters())
    groups = [
        {
            "params": [p for p in parameters if p.ndim >= 2],
            "weight_decay": settings["weight_decay"],
        },
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    rate = settings["peak_learning_rate"]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), eps=1e-8)


def learning_rate(settings: dict[str, Any], step: int, progress: float) -> float:
    """Return the rate after a linear warm-up, then along a cosine over the progress in [0, 1]."""
    peak, last = settings["peak_learning_rate"], settings["final_learning_rate"]
    warm = min(1.0, (step + 1) / settings["warmup_steps"])
    return warm * (last + (peak - last) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def loss_of(model: Any, batch: torch.Tensor) -> torch.Tensor:
    """Return the mean loss in nats per token of a batch (rows, length + 1)."""
    device = batch.device.type
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        logits = model(input_ids=batch[:, :-1], use_cache=False).logits
    return functional.cross_entropy(logits.float().flatten(0, 1), batch[:, 1:].flatten())


def report(step: int, loss: float, seconds: float) -> None:
    """Print one line of progress; raise when the run has gone wrong, before it costs more time."""
    print(f"step {step}: loss {loss} after {seconds:.0f} s", flush=True)
    if not loss < 12:
        raise SystemExit(f"the loss is {loss}: lower peak_learning_rate in fit.yaml")


def fit(model: LlamaForCausalLM, args: argparse.Namespace) -> dict[str, Any]:
    """Train in place and return the record of the run."""
    settings, device = load("fit.yaml"), torch.device(args.device)
    rows, length = args.rows or settings["batch_rows"], settings["row_tokens"]
    batches = windows(args.corpus, rows, length, settings["seed"])
    update, step, losses, started = optimiser(model, settings), 0, [], time.monotonic()
    run = torch.compile(model) if device.type == "cuda" else model
    while (progress := max(step / args.steps, (time.monotonic() - started) / args.seconds)) < 1:
        for group in update.param_groups:
            group["lr"] = learning_rate(settings, step, progress)
        loss: Any = loss_of(run, next(batches).to(device, non_blocking=True))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clip_norm"])
        update.step()
        update.zero_grad(set_to_none=True)
        step += 1
        if step % LOG_EVERY == 0 or step in (1, 10):
            losses.append((step, round(loss.item(), 4)))
            report(*losses[-1], time.monotonic() - started)
    used = round(time.monotonic() - started)
    return {"seed": settings["seed"], "steps": step, "tokens": step * rows * length,
            "seconds": used, "loss_nats_per_token": losses[-1][1], "losses": losses}  # fmt: skip


def main() -> None:
    """Train the model named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=450)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, help="rows of a batch, for a trial run")
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    settings = load("fit.yaml")
    torch.manual_seed(settings["seed"])
    torch.set_float32_matmul_precision("high")
    make: Any = LlamaForCausalLM  # the library leaves it untyped
    model = make(LlamaConfig(**settings["model"])).to(args.device)
    record = fit(model, args)
    chip = torch.cuda.get_device_name() if args.device == "cuda" else "cpu"
    record |= {"device": chip, "torch": torch.__version__}
    state = {
        k: v.half().cpu().contiguous() for k, v in model.state_dict().items() if "lm_head" not in k
    }
    args.out.mkdir(parents=True, exist_ok=True)
    save_file(state, args.out / "weights.safetensors", metadata={"format": "pt"})
    (args.out / "fit.json").write_text(json.dumps(record), encoding="utf-8")


if __name__ == "__main__":
    main()
