"""Fill arrays with random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["fill_normal", "fill_uniform"]


def fill_normal(out: NDArray[Any], random: np.random.Generator, mean: float, std: float) -> None:
    """Fill an array with normally distributed values."""
    if out.flags.c_contiguous:
        # in place, since a second copy of a large weight would be the peak of a model's memory
        random.standard_normal(dtype=out.dtype, out=out)
    else:
        out[...] = random.standard_normal(out.shape, dtype=out.dtype)
    out *= std
    out += mean


def fill_uniform(out: NDArray[Any], random: np.random.Generator, low: float, high: float) -> None:
    """Fill an array with uniformly distributed values."""
    if out.flags.c_contiguous:
        random.random(dtype=out.dtype, out=out)
    else:
        out[...] = random.random(out.shape, dtype=out.dtype)
    out *= high - low
    out += low
