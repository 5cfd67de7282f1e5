"""In place of a contestant's process: does what the model's folder name says."""

from __future__ import annotations

import json
import os
import sys
import time

from vllm_gfx.bench.measures import Measured

from tests.bench_engine import made_up

request = json.loads(sys.argv[1])
acts = os.path.basename(request["model"])  # noqa: PTH119
print("noise of a library", file=sys.stderr)
if acts == "refuses":
    print(json.dumps({"error": "no; do something else"}))
    sys.exit(2)
print(json.dumps({"facts": {"device": made_up.FACTS["device"]}}))
if acts == "stumbles":
    sys.exit("RuntimeError: no engine")
print(json.dumps({"facts": made_up.FACTS | {"settings": {"seen": os.environ.get("SEEN", "")}}}))
if acts == "starts":
    print(json.dumps(Measured("startup", "startup", "s", "lower", [9.0]).record()))
measured = made_up.decode(100.0 if request["ablated"] else 50.0)
print(json.dumps(measured.record()), flush=True)
if acts == "dies":
    sys.exit("RuntimeError: cut short")
if acts == "hangs":
    print(json.dumps({"note": "hanging"}), flush=True)
    time.sleep(600)
