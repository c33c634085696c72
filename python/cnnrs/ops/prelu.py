"""Parametric ReLU, with one learned slope per channel, and its two gradients."""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, floats, output
from cnnrs.errors import ShapeError


def _check(x: Any, slope: Any) -> None:
    if x.ndim == 0 or slope.ndim != 1 or slope.shape != x.shape[-1:] or slope.shape == (0,):
        raise ShapeError(
            f"slope: expected one value for each channel of x, whose shape is {x.shape}, got shape "
            f"{slope.shape}"
        )


def prelu(x: ArrayLike, slope: ArrayLike, *, out: Floats | None = None) -> Any:
    """Compute the parametric ReLU: ``x`` above 0, ``slope * x`` below, with one slope per channel.

    Parameters
    ----------
    x : array_like of shape (..., channels)
    slope : array_like of shape (channels,)
    out : ndarray of the shape and dtype of the result, optional

    Returns
    -------
    ndarray of the shape of `x`

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, "Delving Deep into Rectifiers", ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.prelu(np.array([[-2.0, -2.0], [3.0, 3.0]]), np.array([0.5, 0.25]))
    array([[-1. , -0.5],
           [ 3. ,  3. ]])
    """
    data, factors = floats(("x", "slope"), x, slope)
    _check(data, factors)
    result = output(out, data.shape, data.dtype)
    _core.prelu_forward(data, factors, result)
    return result


def prelu_backward_input(
    grad_output: ArrayLike,
    x: ArrayLike,
    slope: ArrayLike,
    *,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `prelu` with respect to its input.

    It is `grad_output`, times the slope where ``x < 0``.

    Parameters
    ----------
    grad_output, x : array_like of shape (..., channels)
        Gradient of the output, and the input of the forward call.
    slope : array_like of shape (channels,)
    out : ndarray of the shape of `x`, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `x`

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.prelu_backward_input(np.array([8.0, 8.0]), np.array([-2.0, 3.0]), np.array([0.5, 0.5]))
    array([4., 8.])
    """
    gradient, data, factors = floats(("grad_output", "x", "slope"), grad_output, x, slope)
    _check(data, factors)
    if gradient.shape != data.shape:
        raise ShapeError(f"grad_output: expected the shape of x {data.shape}, got {gradient.shape}")
    result = output(out, data.shape, data.dtype, accumulate)
    _core.prelu_backward_input(gradient, data, factors, result, accumulate)
    return result


def prelu_backward_slope(
    grad_output: ArrayLike, x: ArrayLike, *, out: Floats | None = None, accumulate: bool = False
) -> Any:
    """Compute the gradient of `prelu` with respect to its slopes.

    It is ``grad_output * x``, summed where ``x < 0``.

    Parameters
    ----------
    grad_output, x : array_like of shape (..., channels)
    out : ndarray of shape (channels,), optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of shape (channels,)

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.prelu_backward_slope(np.array([[8.0], [8.0]]), np.array([[-2.0], [3.0]]))
    array([-16.])
    """
    gradient, data = floats(("grad_output", "x"), grad_output, x)
    if data.ndim == 0 or data.shape[-1] == 0:
        raise ShapeError(
            f"x: expected shape (..., channels) with at least one channel, got {data.shape}"
        )
    if gradient.shape != data.shape:
        raise ShapeError(f"grad_output: expected the shape of x {data.shape}, got {gradient.shape}")
    result = output(out, data.shape[-1:], data.dtype, accumulate)
    _core.prelu_backward_slope(gradient, data, result, accumulate)
    return result
