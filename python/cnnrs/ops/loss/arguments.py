"""Arguments and results that the losses share: labels, targets, reductions."""

import math
from typing import Any

import numpy as np

from cnnrs._arguments import as_array, floats, integers, number
from cnnrs._arguments import output as output_array
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.ops.softmax import as_rows

REDUCTIONS = ("mean", "sum", "none")
_LOGITS = ("logits",)
_SOFT = ("logits", "labels")


def labelled(logits: Any, labels: Any) -> tuple[Any, Any, Any]:
    """Return the logits as given, the logits as rows, and the labels.

    Labels are an int64 vector of classes, or rows of probabilities."""
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


def compared(output_: Any, target: Any) -> tuple[Any, Any, tuple[int, ...]]:
    output_, target = floats(("output", "target"), output_, target)
    if output_.shape != target.shape:
        raise ShapeError(f"target: expected the output's shape {output_.shape}, got {target.shape}")
    if output_.ndim == 0 or 0 in output_.shape[1:] or output_.shape == (0,):
        raise ShapeError(f"output: expected at least 1 value per sample, got shape {output_.shape}")
    return output_, target, output_.shape[:1] if output_.ndim > 1 else ()


def samples(array: Any, count: int) -> Any:
    return array.reshape(count, array.size // count if count else math.prod(array.shape[1:]))


def per_sample(out: Any, reduction: str, shape: tuple[int, ...], dtype: Any) -> Any:
    if out is not None and reduction != "none":
        raise ArgumentError(
            f"out: the loss is one number with reduction={reduction!r}; out= goes with "
            "reduction='none'"
        )
    return output_array(out, shape, dtype)


def reduce(values: Any, reduction: str) -> float:
    total = float(np.add.reduce(values, axis=None, dtype=np.float64))
    if reduction == "sum":
        return total
    if values.size == 0:
        raise ShapeError("reduction: the mean over no samples has no value; 'sum' and 'none' have")
    return total / int(values.size)


def sample_gradients(grad_output: Any, reduction: str, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return the gradient of each sample's loss, as a vector."""
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
