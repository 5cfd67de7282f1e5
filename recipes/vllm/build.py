"""Builds vllm as a pure-Python package without what no target of this channel can use.

Left out: tuning tables of other vendors' cards, and of AMD's where the path is longer than Windows
bears. Upstream ships paths of 171 characters; a package cache in front of one exceeds its limit.
"""

import hashlib
import json
import os
import re
from pathlib import Path

from into_prefix import install

LONGEST_PATH = 120  # characters below site-packages
DEVICE_TABLE = re.compile(r"device_name=|/helion/configs/.*/nvidia_")
OURS = re.compile(r"device_name=(AMD|Radeon)")

source = Path("source")
recipe = Path(os.environ["RECIPE_DIR"])
listed = re.findall(r"^ +- (\.\./\S+\.patch)$", (recipe / "recipe.yaml").read_text(), re.MULTILINE)
patches = {"/".join(Path(p).parts[-2:]): (recipe / p).read_bytes() for p in listed}
digests = {name: hashlib.sha256(content).hexdigest() for name, content in patches.items()}
(source / "vllm/gfx_patches.json").write_text(json.dumps(digests, indent=1))  # the doctor reads it
with (source / "MANIFEST.in").open("a") as manifest:
    manifest.write("include vllm/gfx_patches.json\n")

for table in source.glob("vllm/**/*.json"):
    path = table.relative_to(source).as_posix()
    if DEVICE_TABLE.search(path) and not (OURS.search(path) and len(path) <= LONGEST_PATH):
        table.unlink()
install("source")
too_long = [
    str(p) for p in source.glob("vllm/**/*") if len(p.relative_to(source).as_posix()) > LONGEST_PATH
]
if too_long:
    raise SystemExit(f"paths longer than {LONGEST_PATH} characters: {too_long}")
