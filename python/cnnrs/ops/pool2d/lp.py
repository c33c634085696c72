"""Pooling by the p-norm of windows of images, and its gradient.

Padding counts as zeros.
"""

from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, PaddingLike, PairLike, floats, images, number, output
from cnnrs.ops.pool2d.windows import expect_output, pool_geometry


def lp_pool2d(
    x: ArrayLike,
    kernel_size: PairLike,
    *,
    stride: PairLike | None = None,
    padding: PaddingLike = 0,
    rounding: str = "floor",
    p: float = 2,
    out: Floats | None = None,
) -> Any:
    """Compute the p-norm of each window, ``sum(|x|**p)**(1 / p)``.

    Parameters
    ----------
    x : array_like of shape (n, height, width, channels)
    kernel_size, stride : int or pair of int
    padding : int, pair, four sides, "same" or "valid"; at most half the window
    rounding : {"floor", "ceil", "exact"}
    p : float, at least 1
    out : ndarray of the shape and dtype of the result, optional

    Returns
    -------
    ndarray of shape (n, out_height, out_width, channels)

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.lp_pool2d(np.array([3.0, 4.0]).reshape(1, 1, 2, 1), (1, 2))
    array([[[[5.]]]])
    """
    (data,) = floats(("x",), x)
    images("x", data)
    power = number("p", p, 1.0)
    window, shape = pool_geometry(data.shape, kernel_size, stride, padding, rounding)
    y = output(out, shape, data.dtype)
    _core.lp_pool2d_forward(data, y, window, power)
    return y


def lp_pool2d_backward(
    grad_output: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    kernel_size: PairLike,
    *,
    stride: PairLike | None = None,
    padding: PaddingLike = 0,
    rounding: str = "floor",
    p: float = 2,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `lp_pool2d`: ``grad_output * sign(x) * (|x| / y)**(p - 1)``.

    Over a window of zeros it is 0.

    Parameters
    ----------
    grad_output : array_like of shape (n, out_height, out_width, channels)
    x : array_like of shape (n, height, width, channels)
        Input of the forward call.
    y : array_like of the shape of `grad_output`
        Output of the forward call.
    kernel_size, stride : int or pair of int
    padding : int, pair, four sides, "same" or "valid"; at most half the window
    rounding : {"floor", "ceil", "exact"}
    p : float, at least 1
        As in the forward call.
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
    >>> x = np.array([3.0, 4.0]).reshape(1, 1, 2, 1)
    >>> ops.lp_pool2d_backward(np.array([[[[10.0]]]]), x, ops.lp_pool2d(x, (1, 2)), (1, 2)).ravel()
    array([6., 8.])
    """
    gradient, data, value = floats(("grad_output", "x", "y"), grad_output, x, y)
    images("x", data)
    power = number("p", p, 1.0)
    window, expected = pool_geometry(data.shape, kernel_size, stride, padding, rounding)
    expect_output("grad_output", gradient, expected)
    expect_output("y", value, expected)
    result = output(out, data.shape, data.dtype, accumulate)
    _core.lp_pool2d_backward(gradient, data, value, result, window, power, accumulate)
    return result
