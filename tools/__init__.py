"""What `python dev.py` and the tasks in pixi.toml run. Never imported by the packages we ship."""
