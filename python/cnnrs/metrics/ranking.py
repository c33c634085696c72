"""Metrics of ranking by scores: area under the ROC curve and average precision.

The result is NaN where all samples are of one class.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnrs import _arguments
from cnnrs.errors import ArgumentError, ShapeError

__all__ = ["average_precision", "roc_auc"]


def roc_auc(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Return the area under the ROC curve.

    It is the probability that a sample of the class has a higher score than another sample; ties
    count half.

    Parameters
    ----------
    y_true : array-like of int of shape (n,)
        0 and 1, or class numbers.
    scores : array-like of shape (n,), or (n, classes)
        Scores of class 1, or of each class. With two columns the second is used; with more the
        result is the mean over the classes, each against the rest, that occur among the samples.

    Returns
    -------
    float
        From 0 to 1; NaN if all samples are of one class.

    References
    ----------
    J. Hanley, B. McNeil: The meaning and use of the area under a ROC curve. Radiology 143, 1982.

    Examples
    --------
    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    >>> roc_auc([1, 1], [0.1, 0.4])
    nan
    """
    return _over_classes(_auc, y_true, scores)


def average_precision(y_true: ArrayLike, scores: ArrayLike) -> float:
    """Return the average precision: the mean of the precisions at the positive samples.

    It is the area under the step curve of precision over recall.

    Parameters
    ----------
    y_true : array-like of shape (n,)
    scores : array-like of shape (n,)
        As for `roc_auc`.

    Returns
    -------
    float
        From 0 to 1; NaN if no sample is positive.

    Examples
    --------
    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 6)
    0.833333
    """
    return _over_classes(_steps, y_true, scores)


def _over_classes(
    measure: Callable[[Any, Any], float], y_true: ArrayLike, scores: ArrayLike
) -> float:
    truth, table = _arguments.integers("y_true", y_true), _arguments.as_array("scores", scores)
    if (
        table.dtype.kind not in "biuf"
        or truth.ndim != 1
        or table.ndim not in (1, 2)
        or len(table) != len(truth)
    ):
        raise ShapeError(
            f"scores: expected shape ({truth.size},) or ({truth.size}, classes), got {table.dtype} "
            f"of shape {table.shape}"
        )
    if truth.size == 0:
        raise ShapeError("y_true: expected at least one sample, got none")
    if np.isnan(table).any():
        raise ArgumentError(
            "scores: expected numbers, got NaN at index "
            f"{int(np.isnan(table).reshape(len(table), -1).any(axis=1).argmax())}"
        )
    classes = 2 if table.ndim == 1 else table.shape[1]
    wrong = (truth < 0) | (truth >= classes)
    if wrong.any():
        place = int(wrong.argmax())
        raise ArgumentError(
            f"y_true: expected classes from 0 to {classes - 1}, got {truth[place]} at index {place}"
        )
    if table.ndim == 1 or classes == 2:
        return measure(truth == 1, table if table.ndim == 1 else table[:, 1])
    each = [
        measure(truth == number, table[:, number])
        for number in range(classes)
        if (truth == number).any()
    ]
    defined = [value for value in each if not math.isnan(value)]
    return float(np.mean(defined)) if defined else math.nan


def _auc(positive: NDArray[np.bool_], scores: Any) -> float:
    """Return the area by the sum of ranks (Mann-Whitney); tied scores have their mean rank."""
    count = int(positive.sum())
    others = len(positive) - count
    if not count or not others:
        return math.nan
    _, inverse, ties = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(ties)
    ranks = last - (ties - 1) / 2
    total = float(ranks[inverse[positive]].sum())
    return (total - count * (count + 1) / 2) / (count * others)


def _steps(positive: NDArray[np.bool_], scores: Any) -> float:
    count = int(positive.sum())
    if not count:
        return math.nan
    values, inverse = np.unique(-scores.astype(np.float64), return_inverse=True)
    taken = np.bincount(inverse, minlength=len(values))
    hits = np.bincount(inverse, weights=positive, minlength=len(values))
    precision = np.cumsum(hits) / np.cumsum(taken)
    return float(np.sum(precision * hits) / count)
