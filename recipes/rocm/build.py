"""Builds rocm from AMD's source distribution."""

import os
import runpy
import sys
from pathlib import Path

from into_prefix import install
from repack import WheelError, is_pinned
from repack.licences import collect

archive = Path(os.environ["RECIPE_DIR"], "../../build/wheels", os.environ["WHEEL"])
try:
    is_pinned(archive, Path("rocm.yaml"))
except WheelError as error:
    sys.exit(f"ERROR: {error}")

# Its setup.py asks the GPU of the machine for the family that its requirements name, unless told.
# No package of ours follows them, so the answer must only not depend on that machine.
module = runpy.run_path("package/src/rocm_sdk/_dist_info.py")
os.environ["ROCM_SDK_TARGET_FAMILY"] = module["DEFAULT_TARGET_FAMILY"]
collect(Path("package"), Path("licences"), "rocm")
install("package")
