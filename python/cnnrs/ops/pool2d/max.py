"""Max pooling over windows of images, and its gradient."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, PaddingLike, PairLike, floats, images, indices, output
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.ops.pool2d.windows import expect_output, image_shape, pool_geometry

_INT32 = np.dtype(np.int32)


def max_pool2d(
    x: ArrayLike,
    kernel_size: PairLike,
    *,
    stride: PairLike | None = None,
    padding: PaddingLike = 0,
    rounding: str = "floor",
    out: Any = None,
) -> tuple[Any, Any]:
    """Find the largest value of each window, and its index.

    NaN counts as larger than any number; of equal values the first in row-major order is taken.

    Parameters
    ----------
    x : array_like of shape (n, height, width, channels)
    kernel_size, stride : int or pair of int
    padding : int, pair, four sides, "same" or "valid"; at most half the window
    rounding : {"floor", "ceil", "exact"}
    out : ndarray, or tuple of (ndarray, ndarray of int32), optional
        Array for `y`, or arrays for `y` and `argmax`.

    Returns
    -------
    y : ndarray of shape (n, out_height, out_width, channels)
    argmax : ndarray of the shape of `y`, int32
        Index ``row * width + column`` into the input's plane of that sample and channel.

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> image = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])
    >>> y, argmax = ops.max_pool2d(image.reshape(1, 4, 4, 1), 2)
    >>> y[0, :, :, 0]
    array([[6., 8.],
           [3., 4.]], dtype=float32)
    >>> argmax[0, :, :, 0]
    array([[ 5,  7],
           [ 8, 15]], dtype=int32)
    """
    (data,) = floats(("x",), x)
    images("x", data)
    window, shape = pool_geometry(data.shape, kernel_size, stride, padding, rounding)
    if isinstance(out, tuple):
        if len(out) != 2:
            raise ArgumentError(
                f"out: expected an array or a pair (y, argmax), got a tuple of {len(out)}"
            )
        out, places = out
    else:
        places = None
    y = output(out, shape, data.dtype)
    argmax = output(places, shape, _INT32, name="out[1]")
    _core.max_pool2d_forward(data, y, argmax, window)
    return y, argmax


def max_pool2d_backward(
    grad_output: ArrayLike,
    argmax: ArrayLike,
    input_shape: Sequence[int],
    *,
    kernel_size: PairLike | None = None,
    stride: PairLike | None = None,
    padding: PaddingLike = 0,
    rounding: str = "floor",
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `max_pool2d`: each value goes to the pixel that was chosen.

    Parameters
    ----------
    grad_output : array_like of shape (n, out_height, out_width, channels)
    argmax : array_like of int of the shape of `grad_output`
        As the forward call returned it.
    input_shape : tuple of 4 int, (n, height, width, channels)
    kernel_size, stride, padding, rounding : optional
        As in the forward call. With `kernel_size` a faster kernel is used, and every index must
        be inside its window.
    out : ndarray of shape `input_shape`, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of shape `input_shape`

    Raises
    ------
    ArgumentError
        For an index outside the image or its window.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> grad_output, argmax = np.array([[[[5.0]]]]), np.array([[[[2]]]])
    >>> ops.max_pool2d_backward(grad_output, argmax, (1, 2, 2, 1), kernel_size=2)[0, :, :, 0]
    array([[0., 0.],
           [5., 0.]])
    """
    (gradient,) = floats(("grad_output",), grad_output)
    places = indices("argmax", argmax)
    shape = image_shape(input_shape)
    window = None
    if kernel_size is not None:
        window, expected = pool_geometry(shape, kernel_size, stride, padding, rounding)
        expect_output("grad_output", gradient, expected)
    elif stride is not None or padding != 0 or rounding != "floor":
        raise ArgumentError(
            "kernel_size: stride, padding and rounding describe a window only together with "
            "kernel_size"
        )
    elif gradient.ndim != 4 or gradient.shape[0] != shape[0] or gradient.shape[3] != shape[3]:
        raise ShapeError(
            f"grad_output: expected shape ({shape[0]}, out_height, out_width, {shape[3]}), got "
            f"{gradient.shape}"
        )
    expect_output("argmax", places, gradient.shape)
    result = output(out, shape, gradient.dtype, accumulate)
    _core.max_pool2d_backward(gradient, places, result, window, accumulate)
    return result
