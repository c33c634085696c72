"""Losses for real-valued targets: squared and absolute errors, Huber.

Class numbers are converted to one-hot rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _arguments, ops
from cnnrs.losses.base import Loss
from cnnrs.losses.targets import values_like

__all__ = ["HalfSumOfSquares", "Huber", "MeanAbsoluteError", "MeanSquaredError", "SmoothL1"]


class HalfSumOfSquares(Loss):
    """Half the sum of squares, ``½ sum (target - output)²`` for each sample, averaged over samples.

    Examples
    --------
    >>> import numpy as np
    >>> round(HalfSumOfSquares()(np.full((1, 10), 0.1), [3]), 6)
    0.45
    """

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Return the mean over the samples of half the sum of squares."""
        return float(ops.half_sum_of_squares(output, values_like(output, target)))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Return ``(output - target) / n``."""
        return ops.half_sum_of_squares_backward(output, values_like(output, target), out=out)


class MeanSquaredError(Loss):
    """Mean squared error over all outputs of all samples.

    Examples
    --------
    >>> import numpy as np
    >>> round(MeanSquaredError()(np.full((1, 10), 0.1), [3]), 6)
    0.09
    """

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Return the mean of the squared differences."""
        return float(ops.mean_squared_error(output, values_like(output, target)))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Return ``2 (output - target) / size``."""
        return ops.mean_squared_error_backward(output, values_like(output, target), out=out)


class MeanAbsoluteError(Loss):
    """Mean absolute error over all outputs of all samples; its gradient at 0 is 0.

    Examples
    --------
    >>> import numpy as np
    >>> MeanAbsoluteError()(np.array([[1.0, 2.0]]), [[3.0, 2.0]])
    1.0
    """

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Return the mean of the absolute differences."""
        return float(ops.mean_absolute_error(output, values_like(output, target)))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Return ``sign(output - target) / size``."""
        return ops.mean_absolute_error_backward(output, values_like(output, target), out=out)


class Huber(Loss):
    """Huber loss: squared near the target, linear far from it, averaged over all outputs.

    ``d²/2`` for a distance d up to delta, ``delta (d - delta/2)`` beyond.

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

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = _arguments.positive("delta", delta)

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Return the mean over all outputs."""
        return float(ops.huber(output, values_like(output, target), self.delta))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Return the difference, clipped to ``[-delta, delta]``, over the number of outputs."""
        return ops.huber_backward(output, values_like(output, target), self.delta, out=out)


class SmoothL1(Huber):
    """Smooth L1 loss, which is `Huber` divided by `beta`; the usual loss for corners of boxes.

    ``d²/(2 beta)`` for a distance d up to beta, ``d - beta/2`` beyond.

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

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__(_arguments.positive("beta", beta))
        self.beta = self.delta

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Return the mean over all outputs."""
        return super().__call__(output, target) / self.beta

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Return ``difference / beta`` clipped to ``[-1, 1]``, divided by the number of outputs."""
        result = super().gradient(output, target, out)
        return np.divide(result, result.dtype.type(self.beta), out=result)
