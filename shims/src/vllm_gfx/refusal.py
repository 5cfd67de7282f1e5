"""An error we foresee: the command line prints its one line and exits with code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Refusal(ValueError):
    """What is wrong and what to do about it, in one line."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{' '.join(what.split())}; {remedy}")


@contextmanager
def of_configuration() -> Iterator[None]:
    """Turn what vLLM's configuration classes refuse about a request into a Refusal."""
    from pydantic import ValidationError

    try:
        yield
    except ValidationError as error:
        reasons = [item["msg"].removeprefix("Value error, ") for item in error.errors()]
        what = f"vLLM refuses this configuration: {'; '.join(reasons)}"
        raise Refusal(what, "change the flags or the model") from error
