"""pixi.toml as we write it: read, and checked beyond what pixi's schema can see.

python -m tools.pixi     # prints what is wrong, one line each; `lint` runs this
"""
