"""Errors we foresee: one line each."""


class CompileError(Exception):
    """What is wrong with a source, its resources or the toolchain, and what to do about it."""
