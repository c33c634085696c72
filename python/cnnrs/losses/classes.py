"""Losses for single-label classes: cross-entropy, focal, Kullback-Leibler divergence, hinge."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _arguments, _renamed, ops
from cnnrs.errors import ArgumentError
from cnnrs.losses.base import Loss
from cnnrs.losses.targets import (
    class_numbers,
    class_weights,
    expect_outputs,
    is_distribution,
    probabilities,
    weights_of,
)

__all__ = ["CrossEntropy", "Focal", "KLDivergence", "MultiClassHinge"]


def _ignored(value: int | None) -> int | None:
    return None if value is None else _arguments.integer("ignore_index", value, -(2**31))


class _Labels:
    """Class numbers with the weight of their class, or 0 where they are ignored."""

    def __init__(
        self, output: Any, target: ArrayLike, weights: Any, ignore_index: int | None
    ) -> None:
        labels = class_numbers(output, target, ignore_index)
        kept = None if ignore_index is None else labels != ignore_index
        self.labels = labels if kept is None else np.where(kept, labels, 0)
        self.weights: Any = None if weights is None else weights[self.labels]
        if kept is not None:
            self.weights = kept.astype(np.float64) if self.weights is None else self.weights * kept
        self.total = float(labels.size) if self.weights is None else float(self.weights.sum())

    def mean(self, losses: Any) -> float:
        """Return the weighted mean of one loss per sample; 0 if all weights are 0."""
        weighted = losses if self.weights is None else losses * self.weights
        return float(np.sum(weighted, dtype=np.float64)) / self.total if self.total else 0.0

    def shares(self, dtype: Any) -> Any:
        """Return the weight of each sample's loss in the mean."""
        ones = np.ones(self.labels.shape) if self.weights is None else self.weights
        return (ones / self.total if self.total else ones * 0.0).astype(dtype)


@_renamed.keywords()
class CrossEntropy(Loss):
    """Softmax cross-entropy of logits, ``-log(probability of the true class)`` in nats.

    The usual loss for classification. Unlike a squared error after softmax, its gradient does not
    vanish where the model is wrong and certain. Targets are class numbers, or probabilities in the
    shape of the outputs. Outputs are one row of logits per sample or per pixel.

    Parameters
    ----------
    label_smoothing : float
        Fraction of each target, from 0 to 1, that is spread evenly over all classes.
    class_weights : array-like of shape (classes,), optional
        Weight of a sample of each class; the sum of losses is divided by the sum of weights.
    ignore_index : int, optional
        Samples (or pixels) with this class number are left out of the sum and the mean. If all are
        left out, the loss is 0.

    References
    ----------
    C. Szegedy et al.: Rethinking the Inception Architecture for Computer Vision. CVPR 2016 (label
    smoothing).

    Examples
    --------
    >>> import numpy as np
    >>> round(CrossEntropy()(np.zeros((1, 10)), [3]), 6)
    2.302585
    >>> round(CrossEntropy(ignore_index=255)(np.array([[0.0, 0.0], [9.0, 0.0]]), [1, 255]), 6)
    0.693147
    """

    takes_logits = True

    def __init__(
        self,
        label_smoothing: float = 0.0,
        *,
        class_weights: ArrayLike | None = None,
        ignore_index: int | None = None,
    ) -> None:
        self.label_smoothing = _arguments.number("label_smoothing", label_smoothing, 0, 1)
        self.class_weights = _weights(class_weights)
        self.ignore_index = _ignored(ignore_index)

    def _prepared(self, output: Any, target: ArrayLike) -> tuple[Any, _Labels | None]:
        """Return (weighted) rows of probabilities and None, or class numbers and their weights."""
        expect_outputs(output)
        classes = output.shape[-1]
        weights, smoothing = (
            weights_of("class_weights", self.class_weights, classes),
            self.label_smoothing,
        )
        if is_distribution(output, target):
            rows = probabilities(output, target)
            if smoothing:
                rows = rows * (1 - smoothing) + smoothing / classes
            return (
                rows if weights is None else np.ascontiguousarray(rows * weights, rows.dtype)
            ), None
        labels = _Labels(output, target, weights, self.ignore_index)
        if not smoothing:
            return labels.labels, labels
        rows = np.empty(output.shape, output.dtype)
        rows[...] = smoothing / classes * (1.0 if weights is None else weights)
        if labels.weights is not None and self.ignore_index is not None:
            rows *= (np.asarray(target) != self.ignore_index)[..., None]
        own = (1 - smoothing) * (
            np.ones(labels.labels.shape) if labels.weights is None else labels.weights
        )
        flat = rows.reshape(-1, classes)
        flat[np.arange(len(flat)), labels.labels.reshape(-1)] += own.reshape(-1)
        return rows, labels

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Return the mean over the samples."""
        prepared, labels = self._prepared(output, target)
        if labels is None:
            return float(ops.cross_entropy(output, prepared))
        if self.label_smoothing:
            return (
                float(ops.cross_entropy(output, prepared, reduction="sum")) / labels.total
                if labels.total
                else 0.0
            )
        if labels.weights is None:
            return float(ops.cross_entropy(output, prepared))
        return labels.mean(ops.cross_entropy(output, prepared, reduction="none"))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Return ``(softmax(output) - target) / n``, each sample times its weight."""
        prepared, labels = self._prepared(output, target)
        if labels is None or (labels.weights is None and not self.label_smoothing):
            return ops.cross_entropy_backward(output, prepared, out=out)
        if self.label_smoothing:
            share = 1.0 / labels.total if labels.total else 0.0
            return ops.cross_entropy_backward(
                output, prepared, reduction="sum", grad_output=share, out=out
            )
        return ops.cross_entropy_backward(
            output, prepared, reduction="none", grad_output=labels.shares(output.dtype), out=out
        )


def _weights(values: ArrayLike | None) -> Any:
    return class_weights("class_weights", values)


@_renamed.keywords()
class Focal(Loss):
    """Focal loss of logits, ``-(1 - p)^gamma log(p)``.

    p is the predicted probability of the true class. Samples that are classified with high
    probability count little, which helps when the classes have very different sizes. With gamma 0
    it is cross-entropy.

    Parameters
    ----------
    gamma : float
        Focusing parameter, at least 0.
    class_weights : array-like of shape (classes,), optional
        As for `CrossEntropy`.
    ignore_index : int, optional
        As for `CrossEntropy`.

    References
    ----------
    T. Lin et al.: Focal Loss for Dense Object Detection. ICCV 2017.

    Examples
    --------
    >>> import numpy as np
    >>> round(Focal(2)(np.zeros((1, 2)), [1]), 6)
    0.173287
    """

    takes_logits = True

    def __init__(
        self,
        gamma: float = 2.0,
        *,
        class_weights: ArrayLike | None = None,
        ignore_index: int | None = None,
    ) -> None:
        self.gamma = _arguments.number("gamma", gamma, 0)
        self.class_weights = _weights(class_weights)
        self.ignore_index = _ignored(ignore_index)

    def _labels(self, output: Any, target: ArrayLike) -> tuple[_Labels, Any]:
        if is_distribution(output, target):
            rows = probabilities(output, target)
            if not np.all(rows.max(axis=-1) == 1):
                raise ArgumentError(
                    "target: expected class numbers or one-hot rows for the focal loss, got other "
                    "probabilities"
                )
            target = rows.argmax(axis=-1)
        labels = _Labels(
            output,
            target,
            weights_of("class_weights", self.class_weights, output.shape[-1]),
            self.ignore_index,
        )
        return labels, ops.cross_entropy(output, labels.labels, reduction="none")

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Return the mean over the samples."""
        labels, entropy = self._labels(output, target)
        return labels.mean(focused(entropy, self.gamma))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Return the gradient of cross-entropy, times the derivative of the focal factor."""
        labels, entropy = self._labels(output, target)
        slopes = labels.shares(output.dtype) * focused_slope(entropy, self.gamma)
        return ops.cross_entropy_backward(
            output, labels.labels, reduction="none", grad_output=slopes, out=out
        )


def focused(entropy: Any, gamma: float) -> Any:
    """Return ``(1 - p)^gamma · entropy`` with ``p = exp(-entropy)``."""
    return (-np.expm1(-entropy)) ** gamma * entropy


def focused_slope(entropy: Any, gamma: float) -> Any:
    """Return the derivative of `focused`."""
    miss = -np.expm1(-entropy)
    slope = miss**gamma
    if gamma:
        # miss^(gamma - 1) · entropy stays finite where entropy and miss go to 0 together
        ratio = np.divide(entropy, miss, out=np.ones_like(miss), where=miss > 0)
        slope = slope + gamma * miss**gamma * ratio * np.exp(-entropy)
    return slope


class KLDivergence(Loss):
    """Kullback-Leibler divergence, ``sum t (log t - log p)`` with ``p = softmax(output)``.

    Cross-entropy minus the entropy of the targets: its gradient is the same, and its value is 0
    where the predicted probabilities equal the targets.

    Examples
    --------
    >>> import numpy as np
    >>> KLDivergence()(np.zeros((1, 2)), [[0.5, 0.5]])
    0.0
    """

    takes_logits = True

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Return the mean over the samples."""
        rows = _rows(output, target)
        logs = np.log(rows, out=np.zeros_like(rows), where=rows > 0)
        entropy = -float(np.sum(rows * logs, dtype=np.float64)) / (rows.size // rows.shape[-1])
        return float(ops.cross_entropy(output, rows) - entropy)

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Return ``(softmax(output) - target) / n``."""
        return ops.cross_entropy_backward(output, _rows(output, target), out=out)


def _rows(output: Any, target: ArrayLike) -> Any:
    if is_distribution(output, target):
        return probabilities(output, target)
    return ops.one_hot(class_numbers(output, target), output.shape[-1], dtype=output.dtype)


@_renamed.keywords()
class MultiClassHinge(Loss):
    """Multi-class hinge loss, as of a support vector machine; takes raw scores.

    ``max(0, margin - true score + other score)``, averaged over all classes.

    Parameters
    ----------
    margin : float
        Required lead of the score of the true class.
    squared : bool
        Whether to square the terms.

    References
    ----------
    K. Crammer, Y. Singer: On the Algorithmic Implementation of Multiclass Kernel-based Vector
    Machines. JMLR 2, 2001.

    Examples
    --------
    >>> import numpy as np
    >>> MultiClassHinge()(np.array([[1.0, 0.5, -3.0, 1.5]]), [0])
    0.5
    """

    takes_logits = True

    def __init__(self, margin: float = 1.0, *, squared: bool = False) -> None:
        self.margin = _arguments.number("margin", margin, 0)
        self.squared = _arguments.flag("squared", squared)

    def _labels(self, output: Any, target: ArrayLike) -> Any:
        if not is_distribution(output, target):
            return class_numbers(output, target)
        rows = probabilities(output, target)
        if not np.all(rows.max(axis=-1) == 1):
            raise ArgumentError(
                "target: expected class numbers or one-hot rows for the hinge loss, got other "
                "probabilities"
            )
        return rows.argmax(axis=-1)

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Return the mean over the samples."""
        return float(ops.hinge(output, self._labels(output, target), self.margin, self.squared))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """Return the gradient of the scores.

        Each other class within the margin gets 1, the true class minus their number; both are
        divided by n and by the number of classes.
        """
        return ops.hinge_backward(
            output, self._labels(output, target), self.margin, self.squared, out=out
        )
