"""Filled by its owner."""


def register() -> None:
    """Nothing to register yet."""
