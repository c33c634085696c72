"""Max-unpooling, the inverse of max pooling on the chosen pixels, and its gradient."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, PaddingLike, PairLike, floats, images, indices, output
from cnnrs.errors import ShapeError
from cnnrs.ops.pool2d.max import max_pool2d_backward


def max_unpool2d(
    x: ArrayLike,
    argmax: ArrayLike,
    output_shape: Sequence[int],
    *,
    kernel_size: PairLike | None = None,
    stride: PairLike | None = None,
    padding: PaddingLike = 0,
    rounding: str = "floor",
    out: Floats | None = None,
) -> Any:
    """Put each value at its index, and zeros elsewhere.

    If overlapping windows chose the same pixel, their values are added. It is the linear map of
    `max_pool2d_backward`.

    Parameters
    ----------
    x : array_like of shape (n, height, width, channels)
    argmax : array_like of int of the shape of `x`
        As `max_pool2d` returned it.
    output_shape : tuple of 4 int, (n, out_height, out_width, channels)
        Shape of the input of `max_pool2d`.
    kernel_size, stride, padding, rounding : optional
        As in the call of `max_pool2d`. With `kernel_size` a faster kernel is used, and every
        index must be inside its window.
    out : ndarray of shape `output_shape`, optional

    Returns
    -------
    ndarray of shape `output_shape`

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    M. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> y, argmax = ops.max_pool2d(np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 2, 2, 1), 2)
    >>> ops.max_unpool2d(10 * y, argmax, (1, 2, 2, 1))[0, :, :, 0]
    array([[ 0., 30.],
           [ 0.,  0.]])
    """
    (data,) = floats(("x",), x)
    images("x", data)
    places = indices("argmax", argmax)
    if places.shape != data.shape:
        raise ShapeError(f"argmax: expected the shape of x {data.shape}, got {places.shape}")
    return max_pool2d_backward(
        data,
        places,
        output_shape,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        rounding=rounding,
        out=out,
    )


def max_unpool2d_backward(
    grad_output: ArrayLike,
    argmax: ArrayLike,
    *,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `max_unpool2d`: the output's gradient at each index.

    Parameters
    ----------
    grad_output : array_like of shape (n, out_height, out_width, channels)
    argmax : array_like of int of shape (n, height, width, channels)
    out : ndarray of the shape of `argmax`, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `argmax`

    Raises
    ------
    ArgumentError
        For an index outside the image.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.max_unpool2d_backward(np.arange(4.0).reshape(1, 2, 2, 1), np.array([[[[2]]]])).ravel()
    array([2.])
    """
    (gradient,) = floats(("grad_output",), grad_output)
    images("grad_output", gradient)
    places = indices("argmax", argmax)
    if places.ndim != 4 or (places.shape[0], places.shape[3]) != (
        gradient.shape[0],
        gradient.shape[3],
    ):
        raise ShapeError(
            f"argmax: expected shape ({gradient.shape[0]}, height, width, {gradient.shape[3]}), "
            f"got {places.shape}"
        )
    result = output(out, places.shape, gradient.dtype, accumulate)
    _core.max_unpool2d_backward(gradient, places, result, accumulate)
    return result
