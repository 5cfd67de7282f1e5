"""Make the Hugging Face checkpoint folder from a finished run.

Usage: python -m tinylm.train.export RUN MODEL (RUN holds weights.safetensors; MODEL the tokenizer)
"""

import argparse
import json
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file, save_file

from tinylm.train.fit import load


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Write indented JSON with Unix line ends on every system."""
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")


def config() -> dict[str, Any]:
    """Return config.json: the trained geometry plus what names the class."""
    head = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float16"}
    geometry = load("fit.yaml")["model"]
    geometry["rope_parameters"] = {"rope_type": "default", "rope_theta": geometry["rope_theta"]}
    return {**head, **geometry}


def generation_config() -> dict[str, Any]:
    """Return the defaults of sampling: a little cooler than the model's own distribution."""
    ids = {name: value for name, value in load("fit.yaml")["model"].items() if "token_id" in name}
    return {**ids, "do_sample": True, "temperature": 0.7, "top_p": 0.95}


def main() -> None:
    """Write config.json, generation_config.json and model.safetensors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("model", type=Path)
    args = parser.parse_args()
    write_json(args.model / "config.json", config())
    write_json(args.model / "generation_config.json", generation_config())
    weights = load_file(args.run / "weights.safetensors")
    save_file(weights, args.model / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
