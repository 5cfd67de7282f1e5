"""An error we foresee: the command line prints its one line and exits with code 2."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Refusal(ValueError):
    """What is wrong and what to do about it, in one line."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{' '.join(what.split())}; {remedy}")


@contextmanager
def of_configuration(model: str) -> Iterator[None]:
    """Turn what vLLM refuses about a request for `model`, or cannot find of it, into a Refusal."""
    from pydantic import ValidationError

    try:
        yield
    except ValidationError as error:
        for item in error.errors():
            if isinstance(ours := item.get("ctx", {}).get("error"), Refusal):
                raise ours from error  # it says what to do
        reasons = [item["msg"].removeprefix("Value error, ") for item in error.errors()]
        what = _unknown_quantisation(model, reasons) or "; ".join(reasons)
        remedy = "change the flags or the model"
        raise Refusal(f"vLLM refuses this configuration: {what}", remedy) from error
    except OSError as error:
        if error.errno is not None:
            raise
        # Without a number it is transformers or the hub's client, about a file they cannot get.
        remedy = "check the name and the network, or give the folder of a whole checkpoint"
        raise Refusal(f"cannot get {model} ({error})", remedy) from error


def _unknown_quantisation(model: str, reasons: Iterable[str]) -> str:
    """What is served instead of a quantisation unknown to vLLM, which lists all it knows."""
    from vllm.model_executor.layers.quantization import QUANTIZATION_METHODS

    from vllm_gfx import checkpoint
    from vllm_gfx.linear import target

    method = checkpoint.quantisation(model)
    if not method or method in QUANTIZATION_METHODS:
        return ""
    if not any(method in reason for reason in reasons):
        return ""
    return target.unserved(f"quantisation {method!r}")
