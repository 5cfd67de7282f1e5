"""Collect the training text, split it by file, and write one JSON-lines file per source and split.

Usage: python -m tinylm.train.corpus OUT python-docs=DIR python-library=DIR vllm-docs=DIR ...
"""

import argparse
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from tinylm.train.dialogues import dialogues_of, smalltalk

HERE = Path(__file__).parent
SPLITS = ("train", "held-out")
HELD_OUT_PER_MILLE = 30
SMALLEST, LARGEST = 200, 400_000  # characters of one file


@dataclass(frozen=True)
class Document:
    """One file of one source; `path` is relative to the source's folder."""

    source: str
    path: str
    text: str

    @property
    def split(self) -> str:
        """Chosen from the name alone: adding files never moves others between the splits."""
        digest = hashlib.sha256(f"{self.source}/{self.path}".encode()).digest()
        return SPLITS[int.from_bytes(digest[:4], "big") % 1000 < HELD_OUT_PER_MILLE]


def read_sources() -> dict[str, dict[str, Any]]:
    """Return the table of sources."""
    text = (HERE / "sources.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def files_of(folder: Path, source: dict[str, Any]) -> list[Path]:
    """Return the source's files in a fixed order."""
    found = {path for glob in source["include"] for path in folder.glob(glob) if path.is_file()}
    left_out = {path for glob in source["exclude"] for path in folder.glob(glob)}
    # "test/**" matches folders only, so a file is left out with any folder above it.
    return sorted(path for path in found if not left_out & {path, *path.parents})


def documents_of(name: str, folder: Path, source: dict[str, Any]) -> Iterator[Document]:
    """Yield the source's usable files."""
    for path in files_of(folder, source):
        text = path.read_bytes().decode("utf-8", errors="replace").replace("\r\n", "\n")
        usable = SMALLEST <= len(text) <= LARGEST and "\ufffd" not in text
        if usable and source.get("must_contain", "") in text:
            yield Document(name, path.relative_to(folder).as_posix(), text)


def collect(folders: dict[str, Path]) -> list[Document]:
    """Return every distinct document; a text seen twice stays under its first name."""
    seen: dict[str, Document] = {}
    for name, source in read_sources().items():
        if name in folders:
            for document in documents_of(name, folders[name], source):
                seen.setdefault(hashlib.sha256(document.text.encode()).hexdigest(), document)
    return list(seen.values())


def add_dialogues(documents: list[Document]) -> list[Document]:
    """Cut dialogues from each document; they stay in the split of the document they came from."""
    kinds = {name: source["kind"] for name, source in read_sources().items()}
    made = []
    for split in SPLITS:
        for document in (d for d in documents if d.split == split):
            for number, turns in enumerate(dialogues_of(kinds[document.source], document.text)):
                path = f"{split}/{document.source}/{document.path}#{number}"
                made.append(Document("dialogues", path, json.dumps(turns)))
    return made


def write(out: Path, documents: list[Document]) -> dict[str, dict[str, dict[str, int]]]:
    """Write the documents and return files and bytes per source and split."""
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for document in documents:
        split = document.path.split("/")[0] if document.source == "dialogues" else document.split
        with (out / f"{document.source}.{split}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(document)) + "\n")
        count = counts.setdefault(document.source, {}).setdefault(split, {"files": 0, "bytes": 0})
        count["files"] += 1
        count["bytes"] += len(document.text.encode())
    return counts


def repeated_share(documents: list[Document]) -> float:
    """Return the share of the held-out characters in long lines that training also contains."""
    lines = {s: [line for d in documents if d.split == s for line in d.text.splitlines()
                 if len(line) >= 40] for s in SPLITS}  # fmt: skip
    known = set(lines["train"])
    total = sum(map(len, lines["held-out"]))
    return sum(len(line) for line in lines["held-out"] if line in known) / total


def main() -> None:
    """Build the corpus named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("folders", nargs="+", metavar="SOURCE=DIR")
    args = parser.parse_args()
    folders = {name: Path(folder) for name, folder in (f.split("=", 1) for f in args.folders)}
    if unknown := set(folders) - set(read_sources()):
        parser.error(f"unknown sources {sorted(unknown)}: sources.yaml has the names")
    args.out.mkdir(parents=True)
    documents = collect(folders)
    talk = [Document("dialogues", f"train/smalltalk#{n}", json.dumps(t))
            for n, t in enumerate(smalltalk())]  # fmt: skip
    counts = write(args.out, documents + add_dialogues(documents) + talk)
    facts = {"split": {"by": "sha256 of the file name", "held_out_per_mille": HELD_OUT_PER_MILLE},
             "long_held_out_lines_also_in_training": round(repeated_share(documents), 4),
             "sources": counts}  # fmt: skip
    (args.out / "corpus.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
