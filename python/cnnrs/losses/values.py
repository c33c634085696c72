"""Losses for numbers: half the sum of squares, mean squared and absolute errors, Huber. Class
numbers become one-hot rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _arguments, ops
from cnnrs.errors import ArgumentError
from cnnrs.losses.base import Loss
from cnnrs.losses.targets import values_like

__all__ = ["MAE", "MSE", "HalfSumOfSquares", "Huber", "SmoothL1"]


class HalfSumOfSquares(Loss):
    """``E = sum ½ (target - output)²`` of each sample, averaged over the samples.

    Examples
    --------
    >>> import numpy as np
    >>> round(HalfSumOfSquares()(np.full((1, 10), 0.1), [3]), 6)
    0.45
    """

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean over the samples of half the sum of squares."""
        return float(ops.half_sum_of_squares(output, values_like(output, target)))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """``(output - target) / n``."""
        return ops.half_sum_of_squares_backward(output, values_like(output, target), out=out)


class MSE(Loss):
    """Mean squared error, over all outputs of all samples.

    Examples
    --------
    >>> import numpy as np
    >>> round(MSE()(np.full((1, 10), 0.1), [3]), 6)
    0.09
    """

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean of the squares."""
        return float(ops.mean_squared_error(output, values_like(output, target)))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """``2 (output - target) / size``."""
        return ops.mean_squared_error_backward(output, values_like(output, target), out=out)


class MAE(Loss):
    """Mean absolute error, over all outputs of all samples; its gradient at 0 is 0.

    Examples
    --------
    >>> import numpy as np
    >>> MAE()(np.array([[1.0, 2.0]]), [[3.0, 2.0]])
    1.0
    """

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean of the distances."""
        return float(ops.mean_absolute_error(output, values_like(output, target)))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """``sign(output - target) / size``."""
        return ops.mean_absolute_error_backward(output, values_like(output, target), out=out)


class Huber(Loss):
    """Squared near the target, absolute far away: ``d²/2`` up to a distance of delta, ``delta (d -
    delta/2)`` beyond; the mean over all.

    Parameters
    ----------
    delta : float
        Above 0.

    References
    ----------
    P. Huber: Robust Estimation of a Location Parameter. Annals of Mathematical Statistics 35, 1964.

    Examples
    --------
    >>> import numpy as np
    >>> Huber()(np.array([[0.5, 3.0]]), [[0.0, 0.0]])
    1.3125
    """

    arguments = ("delta",)

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = _arguments.number("delta", delta, 0)
        if not self.delta:
            raise ArgumentError("delta: expected a number above 0, got 0")

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean over all values."""
        return float(ops.huber(output, values_like(output, target), self.delta))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """The difference, brought into ``-delta .. delta``, over the number of values."""
        return ops.huber_backward(output, values_like(output, target), self.delta, out=out)


class SmoothL1(Huber):
    """`Huber` divided by its bound: ``d²/(2 beta)`` up to a distance of beta, ``d - beta/2``
    beyond; the usual loss of box corners.

    Parameters
    ----------
    beta : float
        Above 0.

    References
    ----------
    R. Girshick: Fast R-CNN. ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> SmoothL1(0.5)(np.array([[0.25, 3.0]]), [[0.0, 0.0]])
    1.40625
    """

    arguments = ("beta",)

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__(beta)
        self.beta = self.delta

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean over all values."""
        return super().__call__(output, target) / self.beta

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """``difference / beta``, brought into ``-1 .. 1``, over the number of values."""
        result = super().gradient(output, target, out)
        return np.divide(result, result.dtype.type(self.beta), out=result)
