"""Bundles: one file with everything a target needs, installed with no network."""

from tools.bundle.pack import write
from tools.bundle.place import install

__all__ = ["install", "write"]
