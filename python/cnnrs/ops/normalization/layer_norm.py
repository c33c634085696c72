"""Layer normalisation, and its gradients."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, number, output
from cnnrs.ops.normalization.arguments import (
    affine,
    expect_statistics,
    gradient_arguments,
    gradient_targets,
)


def layer_norm(
    x: ArrayLike,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
    out: Floats | None = None,
) -> Any:
    """Normalise every vector along the last axis to mean 0 and variance 1, then ``* weight +
    bias``.

    Parameters
    ----------
    x : array_like of shape (n, ..., channels)
    weight, bias : array_like of shape (channels,), optional
    epsilon : float
        Added to the variance.
    out : ndarray of the shape and dtype of the result, optional

    Returns
    -------
    y : ndarray of the shape of `x`
    mean, variance : ndarray of shape (n, ...)

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, "Layer Normalization", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.layer_norm(np.array([[1.0, 3.0]]), epsilon=0)[0]
    array([[-1.,  1.]])
    """
    data, scale, shift = affine(x, weight, bias)
    added = number("epsilon", epsilon, 0)
    y = output(out, data.shape, data.dtype)
    mean, variance = np.empty(data.shape[:-1], data.dtype), np.empty(data.shape[:-1], data.dtype)
    _core.layer_norm_forward(data, scale, shift, y, mean, variance, added)
    return y, mean, variance


def layer_norm_backward(
    grad_output: ArrayLike,
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    epsilon: float = 1e-5,
    out: tuple[Floats | None, Floats | None, Floats | None] | None = None,
    accumulate: bool | tuple[bool, bool, bool] = False,
) -> Any:
    """Compute the gradients of `layer_norm`.

    Parameters
    ----------
    grad_output, x : array_like of shape (n, ..., channels)
        Gradient of the output, and the input.
    mean, variance : array_like of shape (n, ...)
        As `layer_norm` returned them.
    weight : array_like of shape (channels,), optional
    epsilon : float
        As in the forward call.
    out : (ndarray of the shape of `x`, ndarray of shape (channels,), the same), optional
        Each may be None.
    accumulate : bool or three of them
        Whether to add to the arrays in `out`; the same for the last two.

    Returns
    -------
    grad_x : ndarray of the shape of `x`
    grad_weight, grad_bias : ndarray of shape (channels,)

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> x = np.array([[1.0, 3.0]])
    >>> _, mean, variance = ops.layer_norm(x)
    >>> ops.layer_norm_backward(np.array([[1.0, 2.0]]), x, mean, variance)[2]
    array([1., 2.])
    """
    gradient, data, scale, _, statistics = gradient_arguments(
        grad_output, x, mean, variance, weight, None
    )
    expect_statistics(statistics, data.shape[:-1])
    added = number("epsilon", epsilon, 0)
    targets, adds = gradient_targets(data, out, accumulate)
    _core.layer_norm_backward(
        gradient, data, statistics[0], statistics[1], scale, *targets, added, adds
    )
    return targets
