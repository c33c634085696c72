"""Losses for one class out of several: cross-entropy, focal, Kullback-Leibler divergence, hinge."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _arguments, ops
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


def _whole(name: str, value: int | None) -> int | None:
    return None if value is None else _arguments.integer(name, value, -(2**31))


class _Labels:
    """Class numbers with a weight each: that of the class, 0 for what is ignored."""

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
        """The weighted mean of one loss per sample; 0 if nothing counts."""
        weighted = losses if self.weights is None else losses * self.weights
        return float(np.sum(weighted, dtype=np.float64)) / self.total if self.total else 0.0

    def shares(self, dtype: Any) -> Any:
        """What each sample's loss counts for in the mean."""
        ones = np.ones(self.labels.shape) if self.weights is None else self.weights
        return (ones / self.total if self.total else ones * 0.0).astype(dtype)


class CrossEntropy(Loss):
    """Softmax cross-entropy, ``-log(probability of the right class)`` in nats; takes logits. The
    loss for classes.

    Unlike a squared error behind softmax, its gradient does not vanish where the model is wrong and
    certain. Targets are class numbers, or probabilities in the shape of the outputs; outputs may be
    one row of logits per sample or per pixel.

    Parameters
    ----------
    label_smoothing : float
        The part, from 0 to 1, of each target that is spread evenly over all classes.
    class_weights : array-like of shape (classes,), optional
        What a sample of each class counts for; the mean is over the sum of weights.
    ignore_index : int, optional
        Samples (or pixels) with this class number do not count, neither in the sum nor in the mean.
        If none counts, the loss is 0.

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
    arguments = ("label_smoothing", "class_weights", "ignore_index")

    def __init__(
        self,
        label_smoothing: float = 0.0,
        *,
        class_weights: ArrayLike | None = None,
        ignore_index: int | None = None,
    ) -> None:
        self.label_smoothing = _arguments.number("label_smoothing", label_smoothing, 0, 1)
        self.class_weights = _weights(class_weights)
        self.ignore_index = _whole("ignore_index", ignore_index)

    def _prepared(self, output: Any, target: ArrayLike) -> tuple[Any, _Labels | None]:
        """Rows of (weighted) probabilities with None, or class numbers with their weights."""
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
        """Mean over the samples."""
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
        """``(softmax(output) - target) / n``, each sample times its weight."""
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


class Focal(Loss):
    """Focal loss, ``(1 - p)^gamma · -log(p)`` of the probability p of the right class; takes
    logits.

    Samples that are right and certain count little; for classes of very different size. With gamma
    0 it is cross-entropy.

    Parameters
    ----------
    gamma : float
    class_weights : array-like of shape (classes,), optional
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
    arguments = ("gamma", "class_weights", "ignore_index")

    def __init__(
        self,
        gamma: float = 2.0,
        *,
        class_weights: ArrayLike | None = None,
        ignore_index: int | None = None,
    ) -> None:
        self.gamma = _arguments.number("gamma", gamma, 0)
        self.class_weights = _weights(class_weights)
        self.ignore_index = _whole("ignore_index", ignore_index)

    def _labels(self, output: Any, target: ArrayLike) -> tuple[_Labels, Any]:
        if is_distribution(output, target):
            rows = probabilities(output, target)
            if not np.all(rows.max(axis=-1) == 1):
                raise ArgumentError(
                    "target: the focal loss takes class numbers or one-hot rows, got other "
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
        """Mean over the samples."""
        labels, entropy = self._labels(output, target)
        return labels.mean(focused(entropy, self.gamma))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """That of cross-entropy, each sample times the slope of the focus."""
        labels, entropy = self._labels(output, target)
        slopes = labels.shares(output.dtype) * focused_slope(entropy, self.gamma)
        return ops.cross_entropy_backward(
            output, labels.labels, reduction="none", grad_output=slopes, out=out
        )


def focused(entropy: Any, gamma: float) -> Any:
    """``(1 - p)^gamma · entropy`` with ``p = exp(-entropy)``."""
    return (-np.expm1(-entropy)) ** gamma * entropy


def focused_slope(entropy: Any, gamma: float) -> Any:
    """The derivative of `focused`."""
    miss = -np.expm1(-entropy)
    slope = miss**gamma
    if gamma:
        # miss^(gamma - 1) · entropy stays finite where entropy and miss go to 0 together
        ratio = np.divide(entropy, miss, out=np.ones_like(miss), where=miss > 0)
        slope = slope + gamma * miss**gamma * ratio * np.exp(-entropy)
    return slope


class KLDivergence(Loss):
    """Kullback-Leibler divergence of the softmax of the outputs from target probabilities, ``sum t
    (log t - log p)``; takes logits.

    Cross-entropy less the entropy of the targets: the same gradient, and 0 when the probabilities
    are those of the target.

    Examples
    --------
    >>> import numpy as np
    >>> KLDivergence()(np.zeros((1, 2)), [[0.5, 0.5]])
    0.0
    """

    takes_logits = True

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean over the samples."""
        rows = _rows(output, target)
        logs = np.log(rows, out=np.zeros_like(rows), where=rows > 0)
        entropy = -float(np.sum(rows * logs, dtype=np.float64)) / (rows.size // rows.shape[-1])
        return float(ops.cross_entropy(output, rows) - entropy)

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """``(softmax(output) - target) / n``."""
        return ops.cross_entropy_backward(output, _rows(output, target), out=out)


def _rows(output: Any, target: ArrayLike) -> Any:
    if is_distribution(output, target):
        return probabilities(output, target)
    return ops.one_hot(class_numbers(output, target), output.shape[-1], dtype=output.dtype)


class MultiClassHinge(Loss):
    """Hinge over classes (a support vector machine): ``max(0, margin - right + wrong)``, the mean
    over all classes; takes raw scores.

    Parameters
    ----------
    margin : float
        By how much the score of the right class should lead.
    squared : bool
        Whether what is missing is squared.

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
    arguments = ("margin", "squared")

    def __init__(self, margin: float = 1.0, *, squared: bool = False) -> None:
        self.margin = _arguments.number("margin", margin, 0)
        self.squared = _arguments.flag("squared", squared)

    def _labels(self, output: Any, target: ArrayLike) -> Any:
        if not is_distribution(output, target):
            return class_numbers(output, target)
        rows = probabilities(output, target)
        if not np.all(rows.max(axis=-1) == 1):
            raise ArgumentError(
                "target: the hinge takes class numbers or one-hot rows, got other probabilities"
            )
        return rows.argmax(axis=-1)

    def __call__(self, output: Any, target: ArrayLike) -> float:
        """Mean over the samples."""
        return float(ops.hinge(output, self._labels(output, target), self.margin, self.squared))

    def gradient(self, output: Any, target: ArrayLike, out: Any = None) -> Any:
        """1 for each wrong class that comes too near, less their number for the right one; over n
        and the number of classes.
        """
        return ops.hinge_backward(
            output, self._labels(output, target), self.margin, self.squared, out=out
        )
