"""Metrics of predicted classes: accuracy, confusion matrix, precision, recall, F1."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnrs import _arguments, _renamed
from cnnrs.errors import ArgumentError, ShapeError

__all__ = [
    "ClassScores",
    "accuracy",
    "class_scores",
    "confusion_matrix",
    "f1",
    "from_confusion",
    "precision",
    "recall",
    "top_k_accuracy",
]

AVERAGES = ("macro", "micro", "weighted", None)


def _labels(name: str, values: ArrayLike) -> NDArray[np.int64]:
    labels = _arguments.integers(name, values)
    if labels.size and labels.min() < 0:
        place = int(np.argmax(labels < 0))
        raise ArgumentError(
            f"{name}: expected class numbers from 0, got {labels.reshape(-1)[place]} at index "
            f"{place}"
        )
    return labels


def _pair(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    truth, predicted = _labels("y_true", y_true), _labels("y_pred", y_pred)
    if truth.shape != predicted.shape:
        raise ShapeError(
            f"y_true and y_pred: expected one shape, got {truth.shape} and {predicted.shape}"
        )
    if truth.size == 0:
        raise ShapeError("y_true: expected at least one sample, got none")
    return truth.reshape(-1), predicted.reshape(-1)


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the fraction of correct predictions, from 0 to 1.

    Parameters
    ----------
    y_true, y_pred : array-like of int, of the same shape

    Returns
    -------
    float

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


@_renamed.keywords()
def top_k_accuracy(y_true: ArrayLike, scores: ArrayLike, *, k: int = 5) -> float:
    """Return the fraction of samples whose true class is among the k with the highest scores.

    Of equal scores the lower class number comes first.

    Parameters
    ----------
    y_true : array-like of int of shape (n,)
    scores : array-like of shape (n, classes)
    k : int
        At least 1. With the number of classes or more, the result is 1.

    Returns
    -------
    float
        From 0 to 1.

    Examples
    --------
    >>> top_k_accuracy([2, 0], [[0.5, 0.2, 0.3], [0.2, 0.5, 0.3]], k=2)
    0.5
    """
    truth, table = _labels("y_true", y_true), _arguments.as_array("scores", scores)
    if table.ndim != 2 or truth.shape != table.shape[:1]:
        raise ShapeError(
            f"scores: expected one row per label ({len(truth)}) and one column per class, got "
            f"shape {table.shape}"
        )
    if len(truth) == 0:
        raise ShapeError("y_true: expected at least one sample, got none")
    if truth.max() >= table.shape[1]:
        place = int(truth.argmax())
        raise ArgumentError(
            f"y_true: expected classes from 0 to {table.shape[1] - 1}, got {truth[place]} at index "
            f"{place}"
        )
    best = np.argsort(-table, axis=1, kind="stable")[:, : _arguments.integer("k", k, 1)]
    return float(np.mean((best == truth[:, None]).any(axis=1)))


@_renamed.keywords()
def confusion_matrix(
    y_true: ArrayLike, y_pred: ArrayLike, *, num_classes: int | None = None
) -> NDArray[np.int64]:
    """Return the number of samples of each true class (row) and predicted class (column).

    Parameters
    ----------
    y_true, y_pred : array-like of int of shape (n,)
    num_classes : int, optional
        By default the highest label plus one.

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
    count = (
        highest + 1 if num_classes is None else _arguments.integer("num_classes", num_classes, 1)
    )
    if highest >= count:
        raise ArgumentError(
            f"num_classes: expected at least {highest + 1}, since there is a label {highest}, got "
            f"{count}"
        )
    counts: NDArray[np.int64] = np.bincount(
        truth * count + predicted, minlength=count * count
    ).reshape(count, count)
    return counts


class ClassScores(NamedTuple):
    """Precision, recall, F1 and number of samples of each class.

    Parameters
    ----------
    precision : ndarray of shape (classes,)
        Fraction of the samples predicted as a class that belong to it; 0 where there are none.
    recall : ndarray of shape (classes,)
        Fraction of the samples of a class that are predicted as it; 0 where there are none.
    f1 : ndarray of shape (classes,)
        Harmonic mean of precision and recall; 0 where both are 0.
    support : ndarray of shape (classes,), int64
        Number of samples of the class.

    Examples
    --------
    >>> scores = class_scores([0, 0, 1], [0, 1, 1])
    >>> scores.precision.tolist(), scores.support.tolist()
    ([1.0, 0.5], [2, 1])
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]


@_renamed.keywords()
def class_scores(
    y_true: ArrayLike, y_pred: ArrayLike, *, num_classes: int | None = None
) -> ClassScores:
    """Return precision, recall and F1 of each class.

    Parameters
    ----------
    y_true, y_pred : array-like of int of shape (n,)
    num_classes : int, optional
        By default the highest label plus one.

    Returns
    -------
    ClassScores

    Examples
    --------
    >>> class_scores([0, 0, 1], [0, 1, 1]).recall.tolist()
    [0.5, 1.0]
    """
    matrix = confusion_matrix(y_true, y_pred, num_classes=num_classes)
    hits, of_class, taken = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    return ClassScores(
        _ratio(hits, taken), _ratio(hits, of_class), _ratio(2 * hits, of_class + taken), of_class
    )


def _ratio(part: Any, whole: Any) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return ratio


def from_confusion(matrix: NDArray[np.int64], score: str, average: str | None = "macro") -> Any:
    """Return precision, recall or F1 from a confusion matrix.

    Parameters
    ----------
    matrix : ndarray of shape (classes, classes), int64
    score : {"precision", "recall", "f1"}
    average : {"macro", "micro", "weighted"} or None
        See `precision`.

    Examples
    --------
    >>> import numpy as np
    >>> from_confusion(np.array([[1, 1], [0, 2]]), "recall")
    0.75
    """
    _arguments.choice("average", average, AVERAGES)
    _arguments.choice("score", score, ("precision", "recall", "f1"))
    hits, of_class, taken = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    if average == "micro":
        return float(hits.sum() / matrix.sum())
    above, below = {
        "precision": (hits, taken),
        "recall": (hits, of_class),
        "f1": (2 * hits, of_class + taken),
    }[score]
    each = _ratio(above, below)
    if average is None:
        return each
    weights = of_class if average == "weighted" else (of_class + taken > 0).astype(np.int64)
    return float(np.sum(each * weights) / weights.sum())


def precision(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: str | None = "macro",
    num_classes: int | None = None,
) -> Any:
    """Return the fraction of the samples predicted as a class that belong to it.

    It is 0 for a class that is never predicted.

    Parameters
    ----------
    y_true, y_pred : array-like of int, of the same shape
    average : {"macro", "micro", "weighted"} or None
        ``macro`` is the mean over the classes that occur among the labels or the predictions;
        ``weighted`` is the mean weighted by the number of samples of each class; ``micro`` counts
        all classes together, which is the accuracy; None returns one number per class.
    num_classes : int, optional
        By default the highest label plus one.

    Returns
    -------
    float or ndarray of shape (classes,)
        An array with ``average=None``.

    Examples
    --------
    >>> precision([0, 0, 1, 1], [0, 1, 1, 1])
    0.8333333333333333
    """
    return from_confusion(
        confusion_matrix(y_true, y_pred, num_classes=num_classes), "precision", average
    )


def recall(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: str | None = "macro",
    num_classes: int | None = None,
) -> Any:
    """Return the fraction of the samples of a class that are predicted as it.

    It is 0 for a class without samples.

    Parameters
    ----------
    y_true, y_pred : array-like of int, of the same shape
    average : {"macro", "micro", "weighted"} or None
    num_classes : int, optional
        As for `precision`.

    Returns
    -------
    float or ndarray of shape (classes,)
        An array with ``average=None``.

    Examples
    --------
    >>> recall([0, 0, 1, 1], [0, 1, 1, 1], average=None).tolist()
    [0.5, 1.0]
    """
    return from_confusion(
        confusion_matrix(y_true, y_pred, num_classes=num_classes), "recall", average
    )


def f1(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: str | None = "macro",
    num_classes: int | None = None,
) -> Any:
    """Return the harmonic mean of precision and recall; 0 where both are 0.

    Parameters
    ----------
    y_true, y_pred : array-like of int, of the same shape
    average : {"macro", "micro", "weighted"} or None
    num_classes : int, optional
        As for `precision`.

    Returns
    -------
    float or ndarray of shape (classes,)
        An array with ``average=None``.

    Examples
    --------
    >>> round(f1([0, 0, 1, 1], [0, 1, 1, 1]), 6)
    0.733333
    """
    return from_confusion(confusion_matrix(y_true, y_pred, num_classes=num_classes), "f1", average)
