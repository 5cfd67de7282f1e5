"""Round weights to the nearest of 16 evenly spaced values per group of inputs.

A group's values are ``(code - zero) * scale`` with ``code`` in 0..15. The scale is an fp16 number
rounded up, so that the end of the range is always within half a step of a value.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LAST = 15  # the largest code
MIDDLE = 8  # the zero of a symmetric grid
# GPTQ's first format stores `zero - 1` in four bits, so a zero of 0 has no place in it.
LEAST_ZERO = 1


@dataclass(frozen=True)
class Quantised:
    """One linear layer: codes (out, in), scales and zeros (out, groups), group of each input."""

    codes: NDArray[np.int64]
    scales: NDArray[np.float16]
    zeros: NDArray[np.int64]
    groups: NDArray[np.int32]
    symmetric: bool


def round_up(values: NDArray[np.float64]) -> NDArray[np.float16]:
    """Return the least fp16 numbers that are not below the values, and never zero."""
    half = values.astype(np.float16)
    above = np.nextafter(half, np.float16(np.inf))
    tiny = np.finfo(np.float16).smallest_normal
    return np.maximum(np.where(half.astype(np.float64) < values, above, half), tiny)


def in_order(inputs: int, group_size: int) -> NDArray[np.int32]:
    """Return the group of each input when neighbours form the groups."""
    return (np.arange(inputs) // group_size).astype(np.int32)


def by_importance(importance: NDArray[Any], group_size: int) -> NDArray[np.int32]:
    """Return the group of each input when the most important inputs share the first group."""
    groups = np.empty(len(importance), dtype=np.int32)
    groups[np.argsort(-importance, kind="stable")] = in_order(len(importance), group_size)
    return groups


def symmetric(grouped: NDArray[np.float64]) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """Return scales and zeros for weights (out, groups, size) with the zero in the middle."""
    scales = round_up(np.abs(grouped).max(axis=2) / (LAST / 2))
    return scales, np.full(scales.shape, MIDDLE)


def asymmetric(grouped: NDArray[np.float64]) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """Return scales and zeros for weights (out, groups, size) that use the whole range."""
    low = np.minimum(grouped.min(axis=2), 0.0)
    high = np.maximum(grouped.max(axis=2), 0.0)
    # The second term keeps the top of the range in reach where LEAST_ZERO moves the grid down.
    step = np.maximum((high - low) / LAST, high / (LAST - LEAST_ZERO + 0.5))
    scales = round_up(step)
    zeros = np.rint(-low / scales.astype(np.float64)).astype(np.int64)
    return scales, np.clip(zeros, LEAST_ZERO, LAST)


def quantise(weight: NDArray[Any], groups: NDArray[np.int32], is_symmetric: bool) -> Quantised:
    """Round a weight (out, in) to the nearest value of its group's grid."""
    exact = weight.astype(np.float64)
    by_group = np.argsort(groups, kind="stable")
    grouped = exact[:, by_group].reshape(len(exact), int(groups.max()) + 1, -1)
    scales, zeros = (symmetric if is_symmetric else asymmetric)(grouped)
    codes = np.rint(exact / scales.astype(np.float64)[:, groups]) + zeros[:, groups]
    return Quantised(np.clip(codes, 0, LAST).astype(np.int64), scales, zeros, groups, is_symmetric)
