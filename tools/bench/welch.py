"""Welch's t-test: how often chance alone would set two means this far apart.

B. L. Welch, The generalization of "Student's" problem when several different population variances
are involved, Biometrika 34 (1947).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

_STEPS = 400  # of Simpson's rule; the error is below 1e-9 for the degrees of freedom met here


def p_value(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided; at least two samples each. 1.0 for equal constants, 0.0 for different ones."""
    errors = [statistics.variance(x) / len(x) for x in (a, b)]
    apart = abs(statistics.fmean(a) - statistics.fmean(b))
    if sum(errors) == 0:
        return float(apart == 0)
    freedom = sum(errors) ** 2 / sum(
        e**2 / (len(x) - 1) for e, x in zip(errors, (a, b), strict=True)
    )
    return student_tails(apart / math.sqrt(sum(errors)), freedom)


def student_tails(t: float, freedom: float) -> float:
    """The chance of |T| > t for Student's T with `freedom` degrees of freedom.

    With x = sqrt(freedom) tan(u) the density becomes a power of cos(u), on a bounded interval.
    """
    end = math.atan(t / math.sqrt(freedom))
    width = end / _STEPS
    weights = [1, *[4, 2] * (_STEPS // 2 - 1), 4, 1]
    area = sum(w * math.cos(i * width) ** (freedom - 1) for i, w in enumerate(weights)) * width / 3
    scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    return max(0.0, 1 - 2 * math.exp(scale) / math.sqrt(math.pi) * area)
