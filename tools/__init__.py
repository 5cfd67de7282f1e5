"""Build, install, test and serve tasks; `python dev.py TASK` runs them in .venv."""
