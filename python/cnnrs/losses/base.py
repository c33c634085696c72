"""The base class of losses."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import ArrayLike

from cnnrs._representation import PasteableRepr

__all__ = ["Loss"]


class Loss(PasteableRepr):
    """Base class of losses.

    A subclass defines ``__call__(output, target) -> float`` and ``gradient(output, target,
    out)``, which fills `out`.

    Attributes
    ----------
    takes_logits : bool
        Whether the loss applies softmax or sigmoid itself. A model that ends in `Softmax` is then
        trained on its logits.

    Examples
    --------
    >>> import numpy as np
    >>> class SumOfSquares(Loss):
    ...     def __call__(self, output, target):
    ...         return float(((output - target) ** 2).sum())
    ...
    ...     def gradient(self, output, target, out=None):
    ...         return np.multiply(2, output - target, out=out)
    >>> loss = SumOfSquares()
    >>> output, target = np.array([[1.0, 3.0]]), np.array([[1.0, 1.0]])
    >>> loss(output, target), loss.gradient(output, target)
    (4.0, array([[0., 4.]]))
    """

    takes_logits: ClassVar[bool] = False

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Return the loss of a batch.

        Parameters
        ----------
        output : ndarray of shape (n, ...)
        target : array-like
        """
        raise NotImplementedError

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Return the gradient of the loss with respect to `output`, written to `out` if given."""
        raise NotImplementedError
