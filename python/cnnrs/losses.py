"""Losses: one number that says how wrong the outputs of a batch are, and its gradient.

Every loss is a mean over the samples of the batch, so that the gradient of a batch is the mean of the gradients of its samples.
Targets of classifiers are class numbers, or one row per sample (one-hot, or probabilities).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _arguments, ops
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

__all__ = ["MAE", "MSE", "CrossEntropy", "HalfSumOfSquares", "Loss", "get"]


class Loss:
    """Base class of losses.

    A loss of your own defines ``__call__(output, target) -> float`` and ``gradient(output, target, out)``, which fills `out`.

    Attributes
    ----------
    takes_logits : bool
        Whether the loss applies softmax itself; a model that ends in softmax is then trained on what stands in front of it.
    """

    takes_logits: ClassVar[bool] = False

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """The loss of a batch.

        Parameters
        ----------
        output : ndarray of shape (n, ...)
        target : array-like
        """
        raise NotImplementedError

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """The gradient of the loss with respect to `output`, written to `out` if that is given."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class CrossEntropy(Loss):
    """Softmax cross-entropy, ``-log(probability of the right class)`` in nats; takes logits. The loss for classes.

    Unlike a squared error behind softmax, its gradient does not vanish where the model is wrong and certain.

    Examples
    --------
    >>> import numpy as np
    >>> round(CrossEntropy()(np.zeros((1, 10)), [3]), 6)
    2.302585
    """

    takes_logits = True

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean over the samples."""
        return float(ops.cross_entropy(output, target))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """``(softmax(output) - target) / n``."""
        return ops.cross_entropy_backward(output, target, out=out)


class HalfSumOfSquares(Loss):
    """``E = sum ½ (target - output)²`` of each sample, averaged over the samples.

    Class numbers become one-hot rows.

    Examples
    --------
    >>> import numpy as np
    >>> round(HalfSumOfSquares()(np.full((1, 10), 0.1), [3]), 6)
    0.45
    """

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean over the samples of half the sum of squares."""
        return float(ops.half_sum_of_squares(output, _like_output(output, target)))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """``(output - target) / n``."""
        return ops.half_sum_of_squares_backward(output, _like_output(output, target), out=out)


class MSE(Loss):
    """Mean squared error, over all outputs of all samples.

    Class numbers become one-hot rows.

    Examples
    --------
    >>> import numpy as np
    >>> round(MSE()(np.full((1, 10), 0.1), [3]), 6)
    0.09
    """

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean of the squares."""
        difference = output - _like_output(output, target)
        return float(np.mean(difference * difference, dtype=np.float64))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """``2 (output - target) / size``."""
        result = np.subtract(output, _like_output(output, target), out=out)
        result *= 2 / result.size
        return result


class MAE(Loss):
    """Mean absolute error, over all outputs of all samples; its gradient at 0 is 0.

    Class numbers become one-hot rows.

    Examples
    --------
    >>> import numpy as np
    >>> MAE()(np.array([[1.0, 2.0]]), [[3.0, 2.0]])
    1.0
    """

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean of the distances."""
        return float(np.mean(np.abs(output - _like_output(output, target)), dtype=np.float64))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """``sign(output - target) / size``."""
        result = np.subtract(output, _like_output(output, target), out=out)
        np.sign(result, out=result)
        result /= result.size
        return result


def _like_output(output: Any, target: ArrayLike) -> Any:
    """The target in the shape and dtype of the output."""
    array = _arguments.as_array("target", target)
    if array.shape == output.shape:
        if array.dtype.kind not in "biuf":
            raise DTypeError(f"target: expected real numbers, got dtype {array.dtype}")
        return np.ascontiguousarray(array, dtype=output.dtype)
    if array.shape == output.shape[:-1] and array.dtype.kind in "iu":
        return ops.one_hot(array, output.shape[-1], dtype=output.dtype)
    raise ShapeError(
        f"target: expected shape {output.shape} (or class numbers of shape {output.shape[:-1]}), got {array.dtype} {array.shape}"
    )


_CLASSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "half_sum_of_squares": HalfSumOfSquares,
    "mae": MAE,
    "mse": MSE,
}


def get(loss: str | Loss) -> Loss:
    """The loss of that name; a loss is returned as it is.

    Raises
    ------
    ArgumentError
        For an unknown name.

    Examples
    --------
    >>> get("mse")
    MSE()
    """
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, str) and loss in _CLASSES:
        return _CLASSES[loss]()
    raise ArgumentError(f"loss: expected one of {', '.join(map(repr, _CLASSES))} or a Loss, got {loss!r}")
