"""Checks targets and converts them; an error names the index of the first wrong value."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _arguments, ops
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

__all__ = [
    "class_numbers",
    "class_weights",
    "expect_outputs",
    "is_distribution",
    "probabilities",
    "values_like",
]

# Largest distance of a sum of probabilities from 1; float16 rows of 1000 classes come close to it.
SUM_TOLERANCE = 1e-3


def _refuse(wrong: Any, array: Any, expected: str) -> None:
    """Raise an error that names the first wrong value, if there is one."""
    if wrong.any():
        place = np.unravel_index(int(wrong.argmax()), wrong.shape)
        index = int(place[0]) if len(place) == 1 else tuple(int(item) for item in place)
        raise ArgumentError(f"target: expected {expected}, got {array[place]} at index {index}")


def expect_outputs(output: Any) -> None:
    """Refuse anything but an array of real numbers with a batch axis."""
    if not isinstance(output, np.ndarray) or output.dtype.kind not in "fiub" or output.ndim < 1:
        what = (
            f"{output.dtype} of shape {output.shape}"
            if isinstance(output, np.ndarray)
            else type(output).__name__
        )
        raise DTypeError(
            f"output: expected an array of real numbers, one row for each sample, got {what}"
        )


def is_distribution(output: Any, target: ArrayLike) -> bool:
    """Return whether the target has one value per output, and not one class number per sample."""
    expect_outputs(output)
    return bool(np.shape(target) == output.shape)


def class_numbers(output: Any, target: ArrayLike, ignore_index: int | None = None) -> Any:
    """Return class numbers, int64, of the shape of `output` without its last axis."""
    expect_outputs(output)
    array = _arguments.as_array("target", target)
    if array.shape != output.shape[:-1]:
        raise ShapeError(
            f"target: expected class numbers of shape {output.shape[:-1]} for outputs of shape "
            f"{output.shape}, got shape {array.shape}"
        )
    if array.dtype.kind not in "iu":
        raise DTypeError(f"target: expected labels (integer class numbers), got {array.dtype}")
    if array.size == 0:
        raise ShapeError("target: expected at least one sample, got none")
    classes = output.shape[-1]
    if ignore_index is None:
        if array.min() < 0 or array.max() >= classes:
            _refuse((array < 0) | (array >= classes), array, f"classes from 0 to {classes - 1}")
    else:
        wrong = ((array < 0) | (array >= classes)) & (array != ignore_index)
        _refuse(wrong, array, f"classes from 0 to {classes - 1}, or {ignore_index} to be ignored")
    return array.astype(np.int64, copy=False)


def probabilities(output: Any, target: ArrayLike) -> Any:
    """Return probabilities of the shape and dtype of `output`; each row sums to 1."""
    array = _real(output, target)
    _refuse(~(array >= 0), array, "probabilities, which are not negative")  # NaN too
    sums = array.sum(axis=-1, dtype=np.float64)
    _refuse(~(np.abs(sums - 1) <= SUM_TOLERANCE), sums, "probabilities that sum to 1")
    return array


def values_like(output: Any, target: ArrayLike, low: float = -np.inf, high: float = np.inf) -> Any:
    """Return finite values of the shape and dtype of `output`.

    Class numbers are converted to one-hot rows; for a single output they are its values.
    """
    expect_outputs(output)
    array = _arguments.as_array("target", target)
    if (
        array.shape == output.shape[:-1]
        and array.shape != output.shape
        and array.dtype.kind in "iu"
    ):
        if output.shape[-1] > 1:
            return ops.one_hot(class_numbers(output, array), output.shape[-1], dtype=output.dtype)
        array = array[..., None]
    array = _real(output, array)
    if array.size and not (np.isfinite(array).all() and array.min() >= low and array.max() <= high):
        _refuse(~(np.isfinite(array) & (array >= low) & (array <= high)), array, _range(low, high))
    return array


def _range(low: float, high: float) -> str:
    return "finite values" if low == -np.inf else f"values from {low:g} to {high:g}"


def _real(output: Any, target: ArrayLike) -> Any:
    expect_outputs(output)
    array = _arguments.as_array("target", target)
    if array.shape != output.shape:
        raise ShapeError(
            f"target: expected shape {output.shape} (or class numbers of shape "
            f"{output.shape[:-1]}), got {array.dtype} {array.shape}"
        )
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"target: expected real numbers, got dtype {array.dtype}")
    if array.size == 0:
        raise ShapeError("target: expected at least one sample, got none")
    return np.ascontiguousarray(array, dtype=output.dtype)


def class_weights(name: str, values: ArrayLike | None) -> Any:
    """Return a weight per class, at least 0, in float64; None for None."""
    if values is None:
        return None
    weights = _arguments.as_array(name, values)
    if weights.ndim != 1 or weights.size == 0 or weights.dtype.kind not in "iuf":
        raise ShapeError(
            f"{name}: expected one number per class, got {weights.dtype} of shape {weights.shape}"
        )
    weights = weights.astype(np.float64)
    if not (np.isfinite(weights).all() and weights.min() >= 0):
        raise ArgumentError(f"{name}: expected finite numbers, at least 0, got {weights.tolist()}")
    return weights


def weights_of(name: str, weights: Any, classes: int) -> Any:
    """Return the weights after a check of their number."""
    if weights is not None and len(weights) != classes:
        raise ShapeError(f"{name}: expected {classes} weights, one per class, got {len(weights)}")
    return weights
