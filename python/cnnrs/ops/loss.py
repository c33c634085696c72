"""Losses of a batch and their gradients: softmax cross-entropy, and half the sum of squares.

``reduction`` is ``"mean"`` over the samples (the default), ``"sum"``, or ``"none"`` for one value
per sample. A gradient function takes the same ``reduction`` as its loss, and optionally
``grad_output``, the gradient of what the loss returned: a number, or with ``"none"`` one per
sample.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cnnrs import _core
from cnnrs._arguments import (
    Floats,
    as_array,
    choice,
    empty,
    float_dtype,
    floats,
    integer,
    integers,
    number,
)
from cnnrs._arguments import output as output_array
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.ops.softmax import as_rows

_LOGITS = ("logits",)
_SOFT = ("logits", "labels")
REDUCTIONS = ("mean", "sum", "none")


def _reduce(values: Any, reduction: str) -> float:
    total = float(np.add.reduce(values, axis=None, dtype=np.float64))
    if reduction == "sum":
        return total
    if values.size == 0:
        raise ShapeError("reduction: the mean over no samples has no value; 'sum' and 'none' have")
    return total / int(values.size)


def _sample_gradients(grad_output: Any, reduction: str, shape: tuple[int, ...], dtype: Any) -> Any:
    """The gradient of each sample's loss, as a vector."""
    count = math.prod(shape)
    if reduction == "none":
        if grad_output is None:
            return np.ones(count, dtype)
        (gradients,) = floats(("grad_output",), grad_output)
        if gradients.shape != shape:
            raise ShapeError(
                f"grad_output: expected one value per sample, shape {shape}, got {gradients.shape}"
            )
        return gradients.astype(dtype, copy=False).reshape(count)
    scale = 1.0 if grad_output is None else number("grad_output", grad_output)
    gradients = np.empty(count, dtype)
    gradients.fill(scale / max(count, 1) if reduction == "mean" else scale)
    return gradients


def _labelled(logits: Any, labels: Any) -> tuple[Any, Any, Any]:
    """Logits as they came, the same as rows, and labels as int64 vector or as rows of
    probabilities.
    """
    (scores,) = floats(_LOGITS, logits)
    rows = as_rows("logits", scores)
    shape = scores.shape
    found = labels if type(labels) is np.ndarray else as_array("labels", labels)
    if found.shape == shape:
        scores, probabilities = floats(_SOFT, logits, labels)
        return scores, as_rows("logits", scores), as_rows("labels", probabilities)
    if found.shape != shape[:-1]:
        raise ShapeError(
            f"labels: expected class indices of shape {shape[:-1]} or probabilities of shape "
            f"{shape}, got shape {found.shape}"
        )
    if found.dtype.kind not in "iu":
        if found.size or isinstance(labels, np.ndarray):
            raise DTypeError(
                f"labels: class indices are integers, got {found.dtype}; probabilities would have "
                f"shape {shape}"
            )
        found = np.empty(found.shape, np.int64)
    return scores, rows, integers("labels", found).reshape(rows.shape[0])


def _within(classes: Any, num_classes: int) -> None:
    if classes.size and not (classes.min() >= 0 and classes.max() < num_classes):
        place = int(np.argmax((classes < 0) | (classes >= num_classes)))
        raise ArgumentError(
            f"labels: expected classes from 0 to {num_classes - 1}, got {classes[place]} at index "
            f"{place}"
        )


def cross_entropy(
    logits: ArrayLike, labels: ArrayLike, *, reduction: str = "mean", out: Floats | None = None
) -> Any:
    """Softmax cross-entropy, ``-sum(label * log(softmax(logits)))``, in nats; no overflow, whatever
    the scores.

    Parameters
    ----------
    logits : array_like of shape (..., classes)
        Scores before the softmax.
    labels : array_like of int of shape (...), or of float of shape (..., classes)
        Class indices, or probabilities.
    reduction : {"mean", "sum", "none"}
    out : ndarray of shape (...), optional
        Written to and returned; only with ``reduction="none"``.

    Returns
    -------
    float, or with ``reduction="none"`` ndarray of shape (...)

    Raises
    ------
    ShapeError, DTypeError
        For arguments that do not fit, naming them, and for the mean of no samples.
    ArgumentError
        For a class index out of range, naming its place.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> round(ops.cross_entropy(np.zeros((1, 10)), [3]), 6)
    2.302585
    """
    choice("reduction", reduction, REDUCTIONS)
    scores, rows, targets = _labelled(logits, labels)
    result = _per_sample(out, reduction, scores.shape[:-1], scores.dtype)
    _core.cross_entropy_forward(rows, targets, result.reshape(rows.shape[0]))
    return result if reduction == "none" else _reduce(result, reduction)


def _per_sample(out: Any, reduction: str, shape: tuple[int, ...], dtype: Any) -> Any:
    if out is not None and reduction != "none":
        raise ArgumentError(
            f"out: the loss is one number with reduction={reduction!r}; out= goes with "
            "reduction='none'"
        )
    return output_array(out, shape, dtype)


def cross_entropy_backward(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    reduction: str = "mean",
    grad_output: ArrayLike | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Gradient of `cross_entropy` with respect to the logits: ``softmax(logits) - label``, scaled
    as `reduction` says.

    Parameters
    ----------
    logits, labels, reduction
        As in the forward call.
    grad_output : float, or array_like of shape (...) with ``reduction="none"``, optional
        Gradient of the loss; 1 if absent.
    out : ndarray of the shape of `logits`, optional
        Written to and returned; overlaps no other argument.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of shape (..., classes)

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.cross_entropy_backward(np.zeros((1, 4)), [3])
    array([[ 0.25,  0.25,  0.25, -0.75]])
    """
    choice("reduction", reduction, REDUCTIONS)
    scores, rows, targets = _labelled(logits, labels)
    gradients = _sample_gradients(grad_output, reduction, scores.shape[:-1], scores.dtype)
    result = output_array(out, scores.shape, scores.dtype, accumulate)
    _core.cross_entropy_backward(gradients, rows, targets, result.reshape(rows.shape), accumulate)
    return result


def _compared(output_: Any, target: Any) -> tuple[Any, Any, tuple[int, ...]]:
    output_, target = floats(("output", "target"), output_, target)
    if output_.shape != target.shape:
        raise ShapeError(f"target: expected the output's shape {output_.shape}, got {target.shape}")
    if output_.ndim == 0 or 0 in output_.shape[1:] or output_.shape == (0,):
        raise ShapeError(f"output: expected at least 1 value per sample, got shape {output_.shape}")
    return output_, target, output_.shape[:1] if output_.ndim > 1 else ()


def half_sum_of_squares(
    output: ArrayLike, target: ArrayLike, *, reduction: str = "mean", out: Floats | None = None
) -> Any:
    """Half the sum of squared differences of each sample, ``sum((target - output)**2) / 2``.

    Parameters
    ----------
    output, target : array_like of one shape (n, ...)
        The first axis counts samples; a vector is one sample.
    reduction : {"mean", "sum", "none"}
        Over samples; within a sample it is always the half sum.
    out : ndarray of shape (n,), optional
        Written to and returned; only with ``reduction="none"``.

    Returns
    -------
    float, or with ``reduction="none"`` ndarray of shape (n,)

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them, and for the mean of no samples.

    Examples
    --------
    >>> from cnnrs import ops
    >>> round(ops.half_sum_of_squares([0.1] * 10, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), 12)
    0.45
    """
    choice("reduction", reduction, REDUCTIONS)
    output_, target, shape = _compared(output, target)
    count = shape[0] if shape else 1
    result = _per_sample(out, reduction, shape, output_.dtype)
    _core.half_sum_of_squares_forward(
        _samples(output_, count), _samples(target, count), result.reshape(count)
    )
    return result if reduction == "none" else _reduce(result, reduction)


def _samples(array: Any, count: int) -> Any:
    return array.reshape(count, array.size // count if count else math.prod(array.shape[1:]))


def half_sum_of_squares_backward(
    output: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    grad_output: ArrayLike | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Gradient of `half_sum_of_squares` with respect to the output: ``output - target``, scaled as
    `reduction` says.

    Parameters
    ----------
    output, target, reduction
        As in the forward call.
    grad_output : float, or array_like of shape (n,) with ``reduction="none"``, optional
        Gradient of the loss; 1 if absent.
    out : ndarray of the shape of `output`, optional
        Written to and returned; overlaps no other argument.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `output`

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.half_sum_of_squares_backward(np.array([0.5, 2.0]), np.array([1.0, 0.0]))
    array([-0.5,  2. ])
    """
    choice("reduction", reduction, REDUCTIONS)
    output_, target, shape = _compared(output, target)
    count = shape[0] if shape else 1
    gradients = _sample_gradients(grad_output, reduction, shape, output_.dtype)
    result = output_array(out, output_.shape, output_.dtype, accumulate)
    _core.half_sum_of_squares_backward(
        gradients,
        _samples(output_, count),
        _samples(target, count),
        _samples(result, count),
        accumulate,
    )
    return result


def one_hot(labels: ArrayLike, num_classes: int, *, dtype: DTypeLike = np.float32) -> Any:
    """Vectors of zeros with a one at each label's place.

    Parameters
    ----------
    labels : array_like of int, any shape, values from 0 to ``num_classes - 1``
    num_classes : int, at least 1
    dtype : {float32, float64}

    Returns
    -------
    ndarray of shape (..., num_classes)

    Raises
    ------
    DTypeError, ShapeError
        For labels that are not integers; for no classes.
    ArgumentError
        For a label out of range, naming its place.

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.one_hot(3, 10)
    array([0., 0., 0., 1., 0., 0., 0., 0., 0., 0.], dtype=float32)
    """
    classes = integers("labels", labels)
    size = integer("num_classes", num_classes, 1)
    flat = classes.reshape(-1)
    _within(flat, size)
    result = empty("labels", (*classes.shape, size), float_dtype(dtype))
    result[...] = 0
    result.reshape(-1, size)[np.arange(flat.size), flat] = 1
    return result
