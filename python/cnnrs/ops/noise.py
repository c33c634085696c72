"""Multiplicative Gaussian noise from counter-based random numbers."""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, floats, number, output
from cnnrs.ops.random_numbers import counters


def gaussian_noise(
    x: ArrayLike,
    std: float,
    *,
    seed: int,
    stream: int = 0,
    step: int = 0,
    out: Floats | None = None,
) -> Any:
    """Multiply every value by an independent normal number of mean 1.

    It is its own gradient: the same call (same seed, stream and step) on the output's gradient
    multiplies by the same numbers.

    Parameters
    ----------
    x : array_like of any shape
    std : float, at least 0
        Standard deviation of the factors.
    seed : int from 0 to 2**64 - 1
    stream : int from 0 to 2**32 - 1
    step : int from 0 to 2**64 - 1
        Number of the sequence, for example of the layer and the training step.
    out : ndarray of the shape and dtype of the result, optional
        May be `x`.

    Returns
    -------
    ndarray of the shape of `x`

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR
    15, 2014, section 10.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> noisy = ops.gaussian_noise(np.ones(100_000), 0.5, seed=0)
    >>> round(float(noisy.mean()), 1), round(float(noisy.std()), 1)
    (1.0, 0.5)
    """
    deviation = number("std", std, 0.0)
    place = counters(seed, stream, step)
    (data,) = floats(("x",), x)
    result = output(out, data.shape, data.dtype)
    _core.gaussian_noise(data, result, deviation, *place)
    return result
