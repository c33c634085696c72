"""Softmax cross-entropy, its gradient, and one-hot labels."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cnnrs import _core
from cnnrs._arguments import Floats, choice, empty, float_dtype, integer, integers
from cnnrs._arguments import output as output_array
from cnnrs.errors import ArgumentError
from cnnrs.ops.loss.arguments import REDUCTIONS, labelled, per_sample, reduce, sample_gradients


def cross_entropy(
    logits: ArrayLike, labels: ArrayLike, *, reduction: str = "mean", out: Floats | None = None
) -> Any:
    """Compute the softmax cross-entropy, ``-sum(label * log(softmax(logits)))``, in nats.

    It does not overflow.

    Parameters
    ----------
    logits : array_like of shape (..., classes)
        Scores before the softmax.
    labels : array_like of int of shape (...), or of float of shape (..., classes)
        Class indices, or probabilities.
    reduction : {"mean", "sum", "none"}
    out : ndarray of shape (...), optional
        Only with ``reduction="none"``.

    Returns
    -------
    float, or with ``reduction="none"`` ndarray of shape (...)

    Raises
    ------
    ShapeError
        For the mean of no samples.
    ArgumentError
        For a class index out of range; the message has its position.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> round(ops.cross_entropy(np.zeros((1, 10)), [3]), 6)
    2.302585
    """
    choice("reduction", reduction, REDUCTIONS)
    scores, rows, targets = labelled(logits, labels)
    result = per_sample(out, reduction, scores.shape[:-1], scores.dtype)
    _core.cross_entropy_forward(rows, targets, result.reshape(rows.shape[0]))
    return result if reduction == "none" else reduce(result, reduction)


def cross_entropy_backward(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    reduction: str = "mean",
    grad_output: ArrayLike | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `cross_entropy` with respect to the logits.

    It is ``softmax(logits) - label``, scaled as `reduction` says.

    Parameters
    ----------
    logits : array_like of shape (..., classes)
    labels : array_like of int of shape (...), or of float of shape (..., classes)
    reduction : {"mean", "sum", "none"}
        As in the forward call.
    grad_output : float, or array_like of shape (...) with ``reduction="none"``, optional
        Gradient of the loss; 1 if absent.
    out : ndarray of the shape of `logits`, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of shape (..., classes)

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.cross_entropy_backward(np.zeros((1, 4)), [3])
    array([[ 0.25,  0.25,  0.25, -0.75]])
    """
    choice("reduction", reduction, REDUCTIONS)
    scores, rows, targets = labelled(logits, labels)
    gradients = sample_gradients(grad_output, reduction, scores.shape[:-1], scores.dtype)
    result = output_array(out, scores.shape, scores.dtype, accumulate)
    _core.cross_entropy_backward(gradients, rows, targets, result.reshape(rows.shape), accumulate)
    return result


def one_hot(labels: ArrayLike, num_classes: int, *, dtype: DTypeLike = np.float32) -> Any:
    """Return vectors of zeros with a one at the index of each label.

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
    DTypeError
        For labels that are not integers.
    ArgumentError
        For a label out of range; the message has its position.

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


def _within(classes: Any, num_classes: int) -> None:
    if classes.size and not (classes.min() >= 0 and classes.max() < num_classes):
        place = int(np.argmax((classes < 0) | (classes >= num_classes)))
        raise ArgumentError(
            f"labels: expected classes from 0 to {num_classes - 1}, got {classes[place]} at index "
            f"{place}"
        )
