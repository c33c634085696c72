"""Global average pooling: one value for each image and channel, and its gradient."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, floats, images, output
from cnnrs.errors import ShapeError
from cnnrs.ops.pool2d.windows import image_shape


def global_average_pool2d(x: ArrayLike, *, out: Floats | None = None) -> Any:
    """Compute the mean of each channel over the whole image.

    Parameters
    ----------
    x : array_like of shape (n, height, width, channels)
    out : ndarray of shape (n, channels), optional

    Returns
    -------
    ndarray of shape (n, channels)

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    M. Lin, Q. Chen and S. Yan, "Network In Network", arXiv:1312.4400.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.global_average_pool2d(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[3., 4.]])
    """
    (data,) = floats(("x",), x)
    images("x", data)
    y = output(out, (data.shape[0], data.shape[3]), data.dtype)
    _core.global_average_pool2d_forward(data, y)
    return y


def global_average_pool2d_backward(
    grad_output: ArrayLike,
    input_shape: Sequence[int],
    *,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `global_average_pool2d`: each value is spread evenly over its image.

    Parameters
    ----------
    grad_output : array_like of shape (n, channels)
    input_shape : tuple of 4 int, (n, height, width, channels)
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
    >>> ops.global_average_pool2d_backward(np.array([[4.0]]), (1, 2, 2, 1)).ravel()
    array([1., 1., 1., 1.])
    """
    (gradient,) = floats(("grad_output",), grad_output)
    shape = image_shape(input_shape)
    if gradient.shape != (shape[0], shape[3]):
        raise ShapeError(
            f"grad_output: expected the output's shape {(shape[0], shape[3])}, got {gradient.shape}"
        )
    result = output(out, shape, gradient.dtype, accumulate)
    _core.global_average_pool2d_backward(gradient, result, accumulate)
    return result
