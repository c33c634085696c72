"""Losses for binary targets and for masks: binary cross-entropy, binary focal, Dice."""

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
    """Binary cross-entropy of logits, averaged over all outputs.

    ``-t log(p) - (1 - t) log(1 - p)`` with ``p = sigmoid(output)``. Targets are 0 or 1, or
    probabilities, in the shape of the outputs; for a model with one output also one 0 or 1 per
    sample. Class numbers are converted to one-hot rows, every class against the rest.

    Parameters
    ----------
    positive_weight : array-like of shape (outputs,), or float, optional
        Factor of ``t log(p)``, to give rare positives more weight.

    Examples
    --------
    >>> import numpy as np
    >>> round(BinaryCrossEntropy()(np.zeros((2, 1)), [0, 1]), 6)
    0.693147
    """

    takes_logits = True

    def __init__(self, positive_weight: ArrayLike | None = None) -> None:
        self.positive_weight = class_weights(
            "positive_weight", None if positive_weight is None else np.atleast_1d(positive_weight)
        )

    def _weighted(self, output: Any, target: ArrayLike) -> tuple[Any, Any]:
        """Return t' and W such that ``W · loss(t') = -w t log(p) - (1 - t) log(1 - p)``."""
        t = values_like(output, target, 0.0, 1.0)
        weights = self.positive_weight
        if len(weights) > 1:
            weights_of("positive_weight", weights, output.shape[-1])
        whole = weights * t + (1 - t)
        share = np.divide(weights * t, whole, out=np.zeros_like(whole), where=whole > 0)
        return share.astype(output.dtype).reshape(-1, 1), whole.astype(output.dtype).reshape(-1)

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Return the mean over all outputs."""
        if self.positive_weight is None:
            return float(ops.binary_cross_entropy(output, values_like(output, target, 0.0, 1.0)))
        share, whole = self._weighted(output, target)
        losses = ops.binary_cross_entropy(output.reshape(-1, 1), share, reduction="none")
        return float(np.mean(losses * whole, dtype=np.float64))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Return ``(sigmoid(output) - target) / size``."""
        if self.positive_weight is None:
            return ops.binary_cross_entropy_backward(
                output, values_like(output, target, 0.0, 1.0), out=out
            )
        share, whole = self._weighted(output, target)
        return _elementwise_gradient(output, share, whole / whole.size, out)


class BinaryFocal(Loss):
    """Binary focal loss of logits, ``-alpha_t (1 - p_t)^gamma log(p_t)``.

    The mean over all outputs. ``p_t`` is the predicted probability of the true value.

    Parameters
    ----------
    gamma : float
        Focusing parameter, at least 0; 0 is cross-entropy.
    alpha : float, optional
        Weight of a target of 1, from 0 to 1; a target of 0 has the weight ``1 - alpha``. With None
        both weights are 1.

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

    def __init__(self, gamma: float = 2.0, alpha: float | None = 0.25) -> None:
        self.gamma = _arguments.number("gamma", gamma, 0)
        self.alpha = None if alpha is None else _arguments.number("alpha", alpha, 0, 1)

    def _parts(self, output: Any, target: ArrayLike) -> tuple[Any, Any, Any]:
        t = values_like(output, target, 0.0, 1.0).reshape(-1, 1)
        if not np.all((t == 0) | (t == 1)):
            raise ArgumentError(
                "target: expected 0 and 1 for the binary focal loss, got values between them"
            )
        entropy = ops.binary_cross_entropy(output.reshape(-1, 1), t, reduction="none")
        alpha = (
            1.0
            if self.alpha is None
            else np.where(t[:, 0] == 1, self.alpha, 1 - self.alpha).astype(output.dtype)
        )
        return t, entropy, alpha

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Return the mean over all outputs."""
        _, entropy, alpha = self._parts(output, target)
        return float(np.mean(alpha * focused(entropy, self.gamma), dtype=np.float64))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Return the gradient of binary cross-entropy, times the derivative of the focal factor."""
        t, entropy, alpha = self._parts(output, target)
        return _elementwise_gradient(
            output, t, alpha * focused_slope(entropy, self.gamma) / entropy.size, out
        )


def _elementwise_gradient(output: Any, target: Any, slopes: Any, out: Any) -> Any:
    """Return the gradient of binary cross-entropy, each value times its slope."""
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
    """Dice loss of logits, ``1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth)``.

    p is the softmax over the classes, or the sigmoid of a single output. The sums are over the
    pixels of a sample; the loss is the mean over classes and samples. It does not depend on how
    rare a class is.

    Parameters
    ----------
    smooth : float
        Added to numerator and denominator, above 0; the loss of two empty masks is then 0.

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

    def __init__(self, smooth: float = 1.0) -> None:
        self.smooth = _arguments.positive("smooth", smooth)

    def _parts(self, output: Any, target: ArrayLike) -> tuple[Any, Any, Any, Any]:
        """Return probabilities, targets, numerators and denominators.

        The first two have shape (n, pixels, classes), the last two (n, 1, classes).
        """
        t = values_like(output, target, 0.0, 1.0)
        p = ops.softmax(output) if output.shape[-1] > 1 else ops.sigmoid(output)
        shape = (output.shape[0], -1, output.shape[-1])
        p, t = p.reshape(shape), t.reshape(shape)
        return p, t, 2 * _sums(p * t) + self.smooth, _sums(p) + _sums(t) + self.smooth

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Return the mean over classes and samples."""
        _, _, above, below = self._parts(output, target)
        return 1.0 - float(np.mean(above / below))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Return the gradient through the overlap and through softmax or sigmoid."""
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
    """Return the sums over the pixels in double precision."""
    return np.sum(values, axis=1, keepdims=True, dtype=np.float64)
