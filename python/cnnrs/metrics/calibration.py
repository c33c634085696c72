"""Calibration: how well the confidence of predictions matches their accuracy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnrs import _arguments, _renamed
from cnnrs.errors import ArgumentError, ShapeError

__all__ = ["Reliability", "calibration_error", "reliability"]


class Reliability(NamedTuple):
    """Confidence, accuracy and number of predictions in each bin of confidence.

    Parameters
    ----------
    confidence : ndarray of shape (bins,)
        Mean probability of the predicted class; 0 in an empty bin.
    accuracy : ndarray of shape (bins,)
        Fraction of correct predictions; 0 in an empty bin.
    size : ndarray of shape (bins,), int64
        Number of predictions.

    Examples
    --------
    >>> bins = reliability([1, 0, 1], [[0.1, 0.9], [0.2, 0.8], [0.1, 0.9]], bins=2)
    >>> bins.confidence.round(3).tolist(), bins.accuracy.round(3).tolist()
    ([0.0, 0.867], [0.0, 0.667])
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    size: NDArray[np.int64]


@_renamed.keywords()
def reliability(y_true: ArrayLike, probabilities: ArrayLike, *, bins: int = 15) -> Reliability:
    """Return confidence and accuracy of predictions in bins of equal width between 0 and 1.

    Parameters
    ----------
    y_true : array-like of int of shape (n,)
    probabilities : array-like of shape (n, classes), or (n,)
        Probability of each class, or of class 1 of two classes.
    bins : int
        Number of bins.

    Returns
    -------
    Reliability

    Examples
    --------
    >>> reliability([1, 0, 1], [[0.1, 0.9], [0.2, 0.8], [0.6, 0.4]], bins=2).size.tolist()
    [0, 3]
    """
    truth, table = (
        _arguments.integers("y_true", y_true),
        _arguments.as_array("probabilities", probabilities),
    )
    if table.ndim == 1 and table.dtype.kind == "f":
        table = np.stack([1 - table, table], axis=1)
    if table.ndim != 2 or truth.shape != table.shape[:1] or table.dtype.kind not in "biuf":
        raise ShapeError(
            f"probabilities: expected one row per label ({truth.size}), got {table.dtype} of shape "
            f"{table.shape}"
        )
    if truth.size == 0:
        raise ShapeError("y_true: expected at least one sample, got none")
    wrong = ~((table >= 0) & (table <= 1)).all(axis=1)
    if wrong.any():
        raise ArgumentError(
            f"probabilities: expected values from 0 to 1, got {table[int(wrong.argmax())]} at "
            f"index {int(wrong.argmax())}"
        )
    count = _arguments.integer("bins", bins, 1)
    confidence = table.max(axis=1).astype(np.float64)
    right = table.argmax(axis=1) == truth
    place = np.minimum((confidence * count).astype(np.int64), count - 1)
    sizes = np.bincount(place, minlength=count)
    divisor = np.maximum(sizes, 1)
    return Reliability(
        np.bincount(place, weights=confidence, minlength=count) / divisor,
        np.bincount(place, weights=right, minlength=count) / divisor,
        sizes,
    )


@_renamed.keywords()
def calibration_error(y_true: ArrayLike, probabilities: ArrayLike, *, bins: int = 15) -> float:
    """Return the expected calibration error.

    It is the distance between confidence and accuracy of a bin, averaged over the predictions.

    Parameters
    ----------
    y_true : array-like of int of shape (n,)
    probabilities : array-like of shape (n, classes), or (n,)
    bins : int
        As for `reliability`.

    Returns
    -------
    float
        From 0 to 1.

    References
    ----------
    C. Guo et al.: On Calibration of Modern Neural Networks. ICML 2017.

    Examples
    --------
    >>> round(calibration_error([1, 0], [[0.1, 0.9], [0.1, 0.9]]), 6)
    0.4
    """
    confidence, accuracy, size = reliability(y_true, probabilities, bins=bins)
    return float(np.sum(size * np.abs(confidence - accuracy)) / size.sum())
