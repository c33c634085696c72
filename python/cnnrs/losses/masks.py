"""Losses for yes or no, for each output by itself, and for the overlap of masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _arguments, ops
from cnnrs.errors import ArgumentError
from cnnrs.losses.base import Loss
from cnnrs.losses.classes import focused, focused_slope
from cnnrs.losses.targets import class_weights, values_like, weights_of

__all__ = ["BinaryCrossEntropy", "BinaryFocal", "Dice"]


class BinaryCrossEntropy(Loss):
    """Binary cross-entropy, ``-t log(p) - (1 - t) log(1 - p)`` with ``p = sigmoid(output)``, the
    mean over all outputs; takes logits.

    Targets are 0 or 1, or probabilities, in the shape of the outputs; for a model with one output
    also 0 or 1 for each sample. Class numbers become one-hot rows: every class against the rest.

    Parameters
    ----------
    positive_weight : array-like of shape (outputs,), or float, optional
        What ``t log(p)`` counts for, to make up for rare ones.

    Examples
    --------
    >>> import numpy as np
    >>> round(BinaryCrossEntropy()(np.zeros((2, 1)), [0, 1]), 6)
    0.693147
    """

    takes_logits = True
    arguments = ("positive_weight",)

    def __init__(self, positive_weight: ArrayLike | None = None) -> None:
        self.positive_weight = class_weights(
            "positive_weight", None if positive_weight is None else np.atleast_1d(positive_weight)
        )

    def _weighted(self, output: Any, target: ArrayLike) -> tuple[Any, Any]:
        """Targets t' and weights W with ``W · loss(t') = -w t log(p) - (1 - t) log(1 - p)``."""
        t = values_like(output, target, 0.0, 1.0)
        weights = self.positive_weight
        if len(weights) > 1:
            weights_of("positive_weight", weights, output.shape[-1])
        whole = weights * t + (1 - t)
        share = np.divide(weights * t, whole, out=np.zeros_like(whole), where=whole > 0)
        return share.astype(output.dtype).reshape(-1, 1), whole.astype(output.dtype).reshape(-1)

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean over all outputs."""
        if self.positive_weight is None:
            return float(ops.binary_cross_entropy(output, values_like(output, target, 0.0, 1.0)))
        share, whole = self._weighted(output, target)
        losses = ops.binary_cross_entropy(output.reshape(-1, 1), share, reduction="none")
        return float(np.mean(losses * whole, dtype=np.float64))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """``(sigmoid(output) - target) / size``."""
        if self.positive_weight is None:
            return ops.binary_cross_entropy_backward(
                output, values_like(output, target, 0.0, 1.0), out=out
            )
        share, whole = self._weighted(output, target)
        return _elementwise_gradient(output, share, whole / whole.size, out)


class BinaryFocal(Loss):
    """Focal loss for yes or no, ``alpha_t (1 - p_t)^gamma · -log(p_t)``, the mean over all outputs;
    takes logits.

    Parameters
    ----------
    gamma : float
    alpha : float, optional
        What a 1 counts for, from 0 to 1; a 0 counts for ``1 - alpha``. Without it both count for 1.

    References
    ----------
    T. Lin et al.: Focal Loss for Dense Object Detection. ICCV 2017.

    Examples
    --------
    >>> import numpy as np
    >>> round(BinaryFocal()(np.zeros((1, 1)), [1]), 6)
    0.043322
    """

    takes_logits = True
    arguments = ("gamma", "alpha")

    def __init__(self, gamma: float = 2.0, alpha: float | None = 0.25) -> None:
        self.gamma = _arguments.number("gamma", gamma, 0)
        self.alpha = None if alpha is None else _arguments.number("alpha", alpha, 0, 1)

    def _parts(self, output: Any, target: ArrayLike) -> tuple[Any, Any, Any]:
        t = values_like(output, target, 0.0, 1.0).reshape(-1, 1)
        if not np.all((t == 0) | (t == 1)):
            raise ArgumentError(
                "target: the binary focal loss takes 0 and 1, got values between them"
            )
        entropy = ops.binary_cross_entropy(output.reshape(-1, 1), t, reduction="none")
        alpha = (
            1.0
            if self.alpha is None
            else np.where(t[:, 0] == 1, self.alpha, 1 - self.alpha).astype(output.dtype)
        )
        return t, entropy, alpha

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean over all outputs."""
        _, entropy, alpha = self._parts(output, target)
        return float(np.mean(alpha * focused(entropy, self.gamma), dtype=np.float64))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """That of binary cross-entropy, each output times the slope of the focus."""
        t, entropy, alpha = self._parts(output, target)
        return _elementwise_gradient(
            output, t, alpha * focused_slope(entropy, self.gamma) / entropy.size, out
        )


def _elementwise_gradient(output: Any, target: Any, slopes: Any, out: Any) -> Any:
    """The gradient of binary cross-entropy, each value times its slope."""
    into = None if out is None else out.reshape(-1, 1)
    result = ops.binary_cross_entropy_backward(
        output.reshape(-1, 1),
        target,
        reduction="none",
        grad_output=np.ascontiguousarray(slopes, output.dtype),
        out=into,
    )
    return result.reshape(output.shape) if out is None else out


class Dice(Loss):
    """One less the Dice overlap of masks, ``1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) +
    smooth)``; takes logits.

    p is the softmax over the classes, or for a single output the sigmoid. The sums are over the
    pixels of a sample; the loss is the mean over classes and samples. Indifferent to how rare a
    class is.

    Parameters
    ----------
    smooth : float
        Above 0; what empty masks are worth.

    References
    ----------
    F. Milletari et al.: V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image
    Segmentation. 3DV 2016.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.array([[[20.0, -20.0], [-20.0, 20.0]]])
    >>> round(Dice()(logits, [[0, 1]]), 6), round(Dice()(logits, [[1, 0]]), 6)
    (0.0, 0.666667)
    """

    takes_logits = True
    arguments = ("smooth",)

    def __init__(self, smooth: float = 1.0) -> None:
        self.smooth = _arguments.number("smooth", smooth, 0)
        if not self.smooth:
            raise ArgumentError("smooth: expected a number above 0, got 0")

    def _parts(self, output: Any, target: ArrayLike) -> tuple[Any, Any, Any, Any]:
        """Probabilities and targets of shape (n, pixels, classes), and numerator and denominator of
        shape (n, 1, classes).
        """
        t = values_like(output, target, 0.0, 1.0)
        p = ops.softmax(output) if output.shape[-1] > 1 else ops.sigmoid(output)
        shape = (output.shape[0], -1, output.shape[-1])
        p, t = p.reshape(shape), t.reshape(shape)
        return p, t, 2 * _sums(p * t) + self.smooth, _sums(p) + _sums(t) + self.smooth

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean over classes and samples."""
        _, _, above, below = self._parts(output, target)
        return 1.0 - float(np.mean(above / below))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Through the overlap, then through softmax or sigmoid."""
        p, t, above, below = self._parts(output, target)
        share = -1.0 / above.size
        slope = ((2 * share / below).astype(p.dtype) * t) - (share * above / below**2).astype(
            p.dtype
        )
        back = ops.softmax_backward if output.shape[-1] > 1 else ops.sigmoid_backward
        return back(
            np.ascontiguousarray(slope).reshape(output.shape), p.reshape(output.shape), out=out
        )


def _sums(values: Any) -> Any:
    """Sums over the pixels, in double precision."""
    return np.sum(values, axis=1, keepdims=True, dtype=np.float64)
