"""Confidence interval of an accuracy that was measured on a sample."""

from __future__ import annotations

import math

from cnnrs import _arguments, _renamed
from cnnrs.errors import ArgumentError

__all__ = ["wilson_interval"]


@_renamed.keywords()
def wilson_interval(right: int, count: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of an accuracy.

    Parameters
    ----------
    right : int
        Number of correct predictions.
    count : int
        Number of predictions, at least 1.
    confidence : float
        Probability that the interval contains the true accuracy, above 0 and below 1.

    Returns
    -------
    low, high : float

    References
    ----------
    E. Wilson: Probable inference, the law of succession, and statistical inference. JASA 22, 1927.

    Examples
    --------
    >>> low, high = wilson_interval(356, 360)
    >>> round(low, 4), round(high, 4)
    (0.9718, 0.9957)
    """
    from statistics import NormalDist

    count = _arguments.integer("count", count, 1)
    right = _arguments.integer("right", right, 0, count)
    confidence = _arguments.number("confidence", confidence, 0, 1)
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence: expected a number between 0 and 1, got {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    part = right / count
    middle = part + z * z / (2 * count)
    spread = z * math.sqrt(part * (1 - part) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    low = (middle - spread) / scale if right else 0.0
    high = (middle + spread) / scale if right < count else 1.0
    return low, high
