"""Builds vllm-gfx from shims/, with the one variable that must be set before Python starts."""

import json
import os
import sys
from importlib import import_module
from pathlib import Path

from into_prefix import install

install("package")
sys.dont_write_bytecode = True  # what is imported here is packaged
sys.path.insert(0, os.environ["SP_DIR"])
defaults = import_module("vllm_gfx.envs").DEFAULTS

# conda and pixi set what they find there when they activate an environment. The other defaults
# are left to our commands, which do not override what the user set.
activation = Path(os.environ["PREFIX"], "etc", "conda", "env_vars.d", "vllm-gfx.json")
activation.parent.mkdir(parents=True, exist_ok=True)
values = {"PYTHONUTF8": defaults["PYTHONUTF8"][0]}
activation.write_text(json.dumps(values) + "\n", encoding="utf-8")
