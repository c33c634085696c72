"""Losses that compare value by value, and their gradients.

The loss of a sample is the mean over its values. The first axis counts samples; a vector is one
sample. ``reduction`` is over samples, as in `cnnrs.ops.cross_entropy`, and so are ``grad_output``,
``out`` and ``accumulate``.
"""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, choice, number
from cnnrs._arguments import output as output_array
from cnnrs.errors import ArgumentError
from cnnrs.ops.loss.arguments import (
    REDUCTIONS,
    compared,
    per_sample,
    reduce,
    sample_gradients,
    samples,
)


def _forward(kind: str, delta: float, output: Any, target: Any, reduction: str, out: Any) -> Any:
    choice("reduction", reduction, REDUCTIONS)
    output_, target, shape = compared(output, target)
    count = shape[0] if shape else 1
    result = per_sample(out, reduction, shape, output_.dtype)
    _core.pointwise_loss_forward(
        samples(output_, count), samples(target, count), result.reshape(count), kind, delta
    )
    return result if reduction == "none" else reduce(result, reduction)


def _backward(
    kind: str,
    delta: float,
    output: Any,
    target: Any,
    reduction: str,
    grad_output: Any,
    out: Any,
    accumulate: bool,
) -> Any:
    choice("reduction", reduction, REDUCTIONS)
    output_, target, shape = compared(output, target)
    count = shape[0] if shape else 1
    gradients = sample_gradients(grad_output, reduction, shape, output_.dtype)
    result = output_array(out, output_.shape, output_.dtype, accumulate)
    _core.pointwise_loss_backward(
        gradients,
        samples(output_, count),
        samples(target, count),
        samples(result, count),
        kind,
        delta,
        accumulate,
    )
    return result


def _delta(delta: float) -> float:
    if number("delta", delta, 0.0) == 0:
        raise ArgumentError("delta: expected a number above 0, got 0")
    return float(delta)


def mean_squared_error(
    output: ArrayLike, target: ArrayLike, *, reduction: str = "mean", out: Floats | None = None
) -> Any:
    """Compute the mean squared difference of each sample, ``mean((output - target)**2)``.

    Parameters
    ----------
    output, target : array_like of one shape (n, ...)
    reduction : {"mean", "sum", "none"}
        Over samples.
    out : ndarray of shape (n,), optional
        Only with ``reduction="none"``.

    Returns
    -------
    float, or with ``reduction="none"`` ndarray of shape (n,)

    Raises
    ------
    ShapeError
        For the mean of no samples.

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.mean_squared_error([[1.0, 2.0]], [[1.0, 4.0]])
    2.0
    """
    return _forward("squared", 0.0, output, target, reduction, out)


def mean_squared_error_backward(
    output: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    grad_output: ArrayLike | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `mean_squared_error` with respect to the output.

    It is ``2 (output - target)`` divided by the number of values.

    Parameters
    ----------
    output, target : array_like of one shape (n, ...)
    reduction : {"mean", "sum", "none"}
        As in the forward call.
    grad_output : float, or array_like of shape (n,) with ``reduction="none"``, optional
        Gradient of the loss; 1 if absent.
    out : ndarray of the shape of `output`, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `output`

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.mean_squared_error_backward(np.array([[1.0, 2.0]]), [[1.0, 4.0]])
    array([[ 0., -2.]])
    """
    return _backward("squared", 0.0, output, target, reduction, grad_output, out, accumulate)


def mean_absolute_error(
    output: ArrayLike, target: ArrayLike, *, reduction: str = "mean", out: Floats | None = None
) -> Any:
    """Compute the mean absolute difference of each sample, ``mean(abs(output - target))``.

    Parameters
    ----------
    output, target : array_like of one shape (n, ...)
    reduction : {"mean", "sum", "none"}
        Over samples.
    out : ndarray of shape (n,), optional
        Only with ``reduction="none"``.

    Returns
    -------
    float, or with ``reduction="none"`` ndarray of shape (n,)

    Raises
    ------
    ShapeError
        For the mean of no samples.

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.mean_absolute_error([[1.0, 2.0]], [[1.0, 4.0]])
    1.0
    """
    return _forward("absolute", 0.0, output, target, reduction, out)


def mean_absolute_error_backward(
    output: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    grad_output: ArrayLike | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `mean_absolute_error` with respect to the output.

    It is ``sign(output - target)`` divided by the number of values, and 0 at 0.

    Parameters
    ----------
    output, target : array_like of one shape (n, ...)
    reduction : {"mean", "sum", "none"}
        As in the forward call.
    grad_output : float, or array_like of shape (n,) with ``reduction="none"``, optional
        Gradient of the loss; 1 if absent.
    out : ndarray of the shape of `output`, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `output`

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.mean_absolute_error_backward(np.array([[1.0, 2.0]]), [[1.0, 4.0]])
    array([[ 0. , -0.5]])
    """
    return _backward("absolute", 0.0, output, target, reduction, grad_output, out, accumulate)


def huber(
    output: ArrayLike,
    target: ArrayLike,
    delta: float = 1.0,
    *,
    reduction: str = "mean",
    out: Floats | None = None,
) -> Any:
    """Compute the Huber loss: the mean of ``d**2 / 2`` up to `delta`, linear beyond.

    ``d`` is the absolute difference; above `delta` its term is ``delta * (d - delta / 2)``.

    Parameters
    ----------
    output, target : array_like of one shape (n, ...)
    delta : float, above 0
        Where the parabola ends and the straight lines begin.
    reduction : {"mean", "sum", "none"}
        Over samples.
    out : ndarray of shape (n,), optional
        Only with ``reduction="none"``.

    Returns
    -------
    float, or with ``reduction="none"`` ndarray of shape (n,)

    Raises
    ------
    ShapeError
        For the mean of no samples.

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    P. Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35,
    1964.

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.huber([[0.5, 3.0]], [[0.0, 0.0]])
    1.3125
    """
    return _forward("huber", _delta(delta), output, target, reduction, out)


def huber_backward(
    output: ArrayLike,
    target: ArrayLike,
    delta: float = 1.0,
    *,
    reduction: str = "mean",
    grad_output: ArrayLike | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `huber` with respect to the output.

    It is the difference, clipped to ``-delta .. delta``, divided by the number of values.

    Parameters
    ----------
    output, target : array_like of one shape (n, ...)
    delta : float, above 0
    reduction : {"mean", "sum", "none"}
        As in the forward call.
    grad_output : float, or array_like of shape (n,) with ``reduction="none"``, optional
        Gradient of the loss; 1 if absent.
    out : ndarray of the shape of `output`, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `output`

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.huber_backward(np.array([[0.5, 3.0]]), [[0.0, 0.0]])
    array([[0.25, 0.5 ]])
    """
    return _backward(
        "huber", _delta(delta), output, target, reduction, grad_output, out, accumulate
    )


def binary_cross_entropy(
    logits: ArrayLike, target: ArrayLike, *, reduction: str = "mean", out: Floats | None = None
) -> Any:
    """Compute the mean of ``-t log(p) - (1 - t) log(1 - p)`` with ``p = sigmoid(logits)``, in nats.

    It does not overflow.

    Parameters
    ----------
    logits, target : array_like of one shape (n, ...)
    reduction : {"mean", "sum", "none"}
        Over samples.
    out : ndarray of shape (n,), optional
        Only with ``reduction="none"``.

    Returns
    -------
    float, or with ``reduction="none"`` ndarray of shape (n,)

    Raises
    ------
    ShapeError
        For the mean of no samples.

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    Examples
    --------
    >>> from cnnrs import ops
    >>> round(ops.binary_cross_entropy([[0.0]], [[1.0]]), 6)
    0.693147
    """
    return _forward("binary_cross_entropy", 0.0, logits, target, reduction, out)


def binary_cross_entropy_backward(
    logits: ArrayLike,
    target: ArrayLike,
    *,
    reduction: str = "mean",
    grad_output: ArrayLike | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `binary_cross_entropy` with respect to the logits.

    It is ``sigmoid(logits) - target`` divided by the number of values.

    Parameters
    ----------
    logits, target : array_like of one shape (n, ...)
    reduction : {"mean", "sum", "none"}
        As in the forward call.
    grad_output : float, or array_like of shape (n,) with ``reduction="none"``, optional
        Gradient of the loss; 1 if absent.
    out : ndarray of the shape of `logits`, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `logits`

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.binary_cross_entropy_backward(np.array([[0.0]]), [[1.0]])
    array([[-0.5]])
    """
    return _backward(
        "binary_cross_entropy", 0.0, logits, target, reduction, grad_output, out, accumulate
    )
