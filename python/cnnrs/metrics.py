"""Metrics: how good predictions are. Arguments come in scikit-learn's order, the truth first.

Labels are class numbers of shape (n,); scores are anything that grows with the probability of a class, of shape (n, classes).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnrs import _arguments
from cnnrs.errors import ArgumentError, ShapeError

__all__ = [
    "ClassScores",
    "accuracy",
    "class_scores",
    "confusion_matrix",
    "get",
    "top_k_accuracy",
    "wilson_interval",
]


def _labels(name: str, values: ArrayLike) -> NDArray[np.int64]:
    labels = _arguments.integers(name, values)
    if labels.size and labels.min() < 0:
        place = int(np.argmax(labels < 0))
        raise ArgumentError(f"{name}: expected class numbers from 0, got {labels.reshape(-1)[place]} at index {place}")
    return labels


def _pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    truth, predicted = _labels("y_true", y_true), _labels("y_pred", y_pred)
    if truth.shape != predicted.shape:
        raise ShapeError(f"y_true and y_pred: expected one shape, got {truth.shape} and {predicted.shape}")
    if truth.size == 0:
        raise ShapeError("y_true: there are no samples to judge")
    return truth.reshape(-1), predicted.reshape(-1)


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """The part of the predictions that is right, from 0 to 1.

    Parameters
    ----------
    y_true, y_pred : array-like of int, of one shape

    Raises
    ------
    ShapeError
        If the shapes differ, or there are no samples.

    Examples
    --------
    >>> accuracy([0, 1, 2, 2], [0, 1, 2, 1])
    0.75
    """
    truth, predicted = _pair(y_true, y_pred)
    return float(np.mean(truth == predicted))


def top_k_accuracy(y_true: ArrayLike, scores: ArrayLike, k: int = 5) -> float:
    """The part of the samples whose right class is among the k with the highest scores; of equal scores the lower class comes first.

    Parameters
    ----------
    y_true : array-like of int of shape (n,)
    scores : array-like of shape (n, classes)
    k : int
        At least 1; more than there are classes counts every sample as right.

    Examples
    --------
    >>> top_k_accuracy([2, 0], [[0.5, 0.2, 0.3], [0.2, 0.5, 0.3]], k=2)
    0.5
    """
    truth, table = _labels("y_true", y_true), _arguments.as_array("scores", scores)
    if table.ndim != 2 or truth.shape != table.shape[:1]:
        raise ShapeError(f"scores: expected one row per label ({len(truth)}) and one column per class, got shape {table.shape}")
    if len(truth) == 0:
        raise ShapeError("y_true: there are no samples to judge")
    if truth.max() >= table.shape[1]:
        place = int(truth.argmax())
        raise ArgumentError(f"y_true: expected classes from 0 to {table.shape[1] - 1}, got {truth[place]} at index {place}")
    best = np.argsort(-table, axis=1, kind="stable")[:, : _arguments.integer("k", k, 1)]
    return float(np.mean((best == truth[:, None]).any(axis=1)))


def confusion_matrix(y_true: ArrayLike, y_pred: ArrayLike, num_classes: int | None = None) -> NDArray[np.int64]:
    """How often each class was taken for each other: row the truth, column the prediction.

    Parameters
    ----------
    y_true, y_pred : array-like of int of shape (n,)
    num_classes : int, optional
        By default one more than the highest label.

    Returns
    -------
    ndarray of shape (num_classes, num_classes), int64

    Examples
    --------
    >>> confusion_matrix([0, 0, 1], [0, 1, 1]).tolist()
    [[1, 1], [0, 1]]
    """
    truth, predicted = _pair(y_true, y_pred)
    highest = int(max(truth.max(), predicted.max()))
    count = highest + 1 if num_classes is None else _arguments.integer("num_classes", num_classes, 1)
    if highest >= count:
        raise ArgumentError(f"num_classes: {count} classes, but there is a label {highest}")
    counts: NDArray[np.int64] = np.bincount(truth * count + predicted, minlength=count * count).reshape(count, count)
    return counts


class ClassScores(NamedTuple):
    """Precision, recall, F1 and number of samples of each class.

    Attributes
    ----------
    precision : ndarray of shape (classes,)
        Of the samples taken for a class, the part that is of it; 0 where there are none.
    recall : ndarray of shape (classes,)
        Of the samples of a class, the part taken for it; 0 where there are none.
    f1 : ndarray of shape (classes,)
        Harmonic mean of both; 0 where both are 0.
    support : ndarray of shape (classes,), int64
        Number of samples of the class.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]


def class_scores(y_true: ArrayLike, y_pred: ArrayLike, num_classes: int | None = None) -> ClassScores:
    """Precision, recall and F1 of each class.

    Parameters
    ----------
    y_true, y_pred : array-like of int of shape (n,)
    num_classes : int, optional

    Examples
    --------
    >>> class_scores([0, 0, 1], [0, 1, 1]).recall.tolist()
    [0.5, 1.0]
    """
    matrix = confusion_matrix(y_true, y_pred, num_classes)
    hits, of_class, taken = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    return ClassScores(_ratio(hits, taken), _ratio(hits, of_class), _ratio(2 * hits, of_class + taken), of_class)


def _ratio(part: Any, whole: Any) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return ratio


def wilson_interval(right: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval that holds the true accuracy with some confidence, when `right` of `count` samples were right.

    References
    ----------
    E. Wilson: Probable inference, the law of succession, and statistical inference. JASA 22, 1927.

    Examples
    --------
    >>> low, high = wilson_interval(356, 360)
    >>> round(low, 4), round(high, 4)
    (0.9718, 0.9957)
    """
    from statistics import NormalDist

    count = _arguments.integer("count", count, 1)
    right = _arguments.integer("right", right, 0, count)
    confidence = _arguments.number("confidence", confidence, 0, 1)
    if not 0 < confidence < 1:
        raise ArgumentError(f"confidence: expected a number between 0 and 1, got {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    part = right / count
    middle = part + z * z / (2 * count)
    spread = z * math.sqrt(part * (1 - part) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return (middle - spread) / scale if right else 0.0, (middle + spread) / scale if right < count else 1.0


# --- metrics by name, as a trainer uses them ------------------------------------------------------------------------------
def _accuracy_of_output(target: Any, output: Any) -> float:
    return accuracy(_classes(target, output), output.argmax(axis=-1))


def _top_5_accuracy_of_output(target: Any, output: Any) -> float:
    classes = output.shape[-1]
    return top_k_accuracy(_classes(target, output).reshape(-1), output.reshape(-1, classes), 5)


def _classes(target: Any, output: Any) -> Any:
    """Class numbers from class numbers or one row per sample."""
    array = np.asarray(target)
    return array.argmax(axis=-1) if array.shape == output.shape else array


_OF_OUTPUT: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": _accuracy_of_output,
    "top_5_accuracy": _top_5_accuracy_of_output,
}


def get(metric: str | Callable[[Any, Any], float]) -> tuple[str, Callable[[Any, Any], float]]:
    """Name and function ``(target, output) -> float`` of a metric that is a mean over samples.

    Parameters
    ----------
    metric : {"accuracy", "top_5_accuracy"} or callable
        A function of yours gets the targets and the raw outputs of a batch, and returns their mean.

    Raises
    ------
    ArgumentError
        For an unknown name.

    Examples
    --------
    >>> import numpy as np
    >>> get("accuracy")[1](np.array([1]), np.array([[0.0, 2.0]]))
    1.0
    """
    if callable(metric):
        return getattr(metric, "__name__", type(metric).__name__), metric
    if metric in _OF_OUTPUT:
        return metric, _OF_OUTPUT[metric]
    raise ArgumentError(f"metrics: expected one of {', '.join(map(repr, _OF_OUTPUT))} or a function of target and output, got {metric!r}")
