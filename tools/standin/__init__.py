"""A stand-in for conda-forge: the closure of vLLM's requirements as an indexed conda channel.

For CI and machines without conda-forge. Wheels named by a committed lock, and the Python that runs
this, are repackaged; nothing is compiled. Users get the same packages from conda-forge.
"""

from tools.standin.channel import ensure

__all__ = ["ensure"]
