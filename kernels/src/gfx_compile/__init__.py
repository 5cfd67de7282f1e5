"""HIP sources to code objects for every target: `python -m gfx_compile --help`.

A tool of the repository, not part of the package that users install.
"""
