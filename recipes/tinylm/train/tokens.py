"""Learn the byte-level BPE and turn the corpus into arrays of token numbers.

Usage: python -m tinylm.train.tokens CORPUS MODEL
Writes MODEL/tokenizer.json, MODEL/tokenizer_config.json and CORPUS/<source>.<split>.npy (uint16).
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import jinja2
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

VOCABULARY = 4096
CONTEXT = 2048
SPECIAL = ["<|pad|>", "<|bos|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
PAD, BOS, END = range(3)
# Every third document is enough to choose the merges.
SAMPLE_EVERY = 3


def texts(file: Path, template: jinja2.Template) -> Iterator[str]:
    """Yield each document as the model shall read it, its first and last token included."""
    with file.open(encoding="utf-8") as lines:
        for document in map(json.loads, lines):
            if document["source"] == "dialogues":
                turns = json.loads(document["text"])
                yield template.render(messages=turns, bos_token=SPECIAL[BOS])
            else:
                yield f"{SPECIAL[BOS]}{document['text']}{SPECIAL[END]}"


def learn(files: list[Path], template: jinja2.Template) -> Tokenizer:
    """Return a byte-level BPE learnt from a sample of the training text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    sample = (
        text
        for file in files
        for n, text in enumerate(texts(file, template))
        if not n % SAMPLE_EVERY
    )
    tokenizer.train_from_iterator(sample, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{SPECIAL[BOS]} $A",
        pair=f"{SPECIAL[BOS]} $A $B",
        special_tokens=[(SPECIAL[BOS], BOS)],
    )
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the tokenizer's two files; the chat template lies beside them."""
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIAL[BOS],
        "eos_token": SPECIAL[END],
        "pad_token": SPECIAL[PAD],
        "additional_special_tokens": SPECIAL[3:],
        "clean_up_tokenization_spaces": False,
        "model_max_length": CONTEXT,
    }
    text = json.dumps(config, indent=2) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8", newline="\n")


def encode(tokenizer: Tokenizer, file: Path, template: jinja2.Template) -> int:
    """Write the file's tokens beside it and return how many there are."""
    batch = tokenizer.encode_batch_fast(list(texts(file, template)), add_special_tokens=False)
    tokens = np.concatenate([np.asarray(one.ids, dtype=np.uint16) for one in batch])
    np.save(file.with_suffix(".npy"), tokens)
    return len(tokens)


def main() -> None:
    """Learn, save and encode."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("model", type=Path)
    args = parser.parse_args()
    source = (args.model / "chat_template.jinja").read_text(encoding="utf-8")
    template = jinja2.Template(source)
    files = sorted(args.corpus.glob("*.jsonl"))
    tokenizer = learn([file for file in files if ".train." in file.name], template)
    save(tokenizer, args.model)
    for file in files:
        print(f"{file.stem}: {encode(tokenizer, file, template):,} tokens", flush=True)


if __name__ == "__main__":
    main()
