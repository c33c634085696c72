"""Average pooling over windows of images, and its gradient."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, PaddingLike, PairLike, flag, floats, images, output
from cnnrs.ops.pool2d.windows import expect_output, image_shape, pool_geometry


def average_pool2d(
    x: ArrayLike,
    kernel_size: PairLike,
    *,
    stride: PairLike | None = None,
    padding: PaddingLike = 0,
    rounding: str = "floor",
    count_include_pad: bool = False,
    out: Floats | None = None,
) -> Any:
    """Compute the mean of each window.

    Parameters
    ----------
    x : array_like of shape (n, height, width, channels)
    kernel_size, stride : int or pair of int
    padding : int, pair, four sides, "same" or "valid"; at most half the window
    rounding : {"floor", "ceil", "exact"}
    count_include_pad : bool
        Whether padding counts as zeros in the mean. The part of a window beyond the padding
        (``rounding="ceil"``) never counts.
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
    >>> ops.average_pool2d(np.arange(4.0).reshape(1, 2, 2, 1), 2)
    array([[[[1.5]]]])
    """
    (data,) = floats(("x",), x)
    images("x", data)
    window, shape = pool_geometry(data.shape, kernel_size, stride, padding, rounding)
    y = output(out, shape, data.dtype)
    _core.average_pool2d_forward(data, y, window, flag("count_include_pad", count_include_pad))
    return y


def average_pool2d_backward(
    grad_output: ArrayLike,
    input_shape: Sequence[int],
    kernel_size: PairLike,
    *,
    stride: PairLike | None = None,
    padding: PaddingLike = 0,
    rounding: str = "floor",
    count_include_pad: bool = False,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `average_pool2d`: each value is spread evenly over its window.

    Parameters
    ----------
    grad_output : array_like of shape (n, out_height, out_width, channels)
    input_shape : tuple of 4 int, (n, height, width, channels)
    kernel_size, stride : int or pair of int
    padding : int, pair, four sides, "same" or "valid"; at most half the window
    rounding : {"floor", "ceil", "exact"}
    count_include_pad : bool
        As in the forward call.
    out : ndarray of shape `input_shape`, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of shape `input_shape`

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.average_pool2d_backward(np.array([[[[8.0]]]]), (1, 2, 2, 1), 2)[0, :, :, 0]
    array([[2., 2.],
           [2., 2.]])
    """
    (gradient,) = floats(("grad_output",), grad_output)
    shape = image_shape(input_shape)
    window, expected = pool_geometry(shape, kernel_size, stride, padding, rounding)
    expect_output("grad_output", gradient, expected)
    result = output(out, shape, gradient.dtype, accumulate)
    _core.average_pool2d_backward(
        gradient,
        result,
        window,
        flag("count_include_pad", count_include_pad),
        accumulate,
    )
    return result
