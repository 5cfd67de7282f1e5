"""Where in its prefix this package's programs write while they run.

tools/trust/verify.py reads the name here: files in that folder belong to no package, and are no
damage. They stay with the prefix, so the next generation starts without them.
"""

WRITTEN = "var/vllm-gfx"  # below the prefix
