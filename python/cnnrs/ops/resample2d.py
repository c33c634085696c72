"""Up-sampling (nearest, bilinear), adaptive average pooling, and their gradients.

Bilinear interpolation treats pixels as squares whose centres are at half-integers, so that the
corners of both images coincide: output ``o`` reads position ``(o + 0.5) * in / out - 0.5``, clipped
to the image. TensorFlow, OpenCV and Pillow (enlarging) do the same, and PyTorch with
``align_corners=False``.
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import Floats, PairLike, choice, floats, images, output, pair
from cnnrs.errors import ShapeError
from cnnrs.ops.pool2d.windows import image_shape

INTERPOLATIONS = ("nearest", "bilinear")


def _forward(x: Any, size: Any, size_name: str, method: str, out: Any) -> Any:
    (data,) = floats(("x",), x)
    images("x", data)
    height, width = pair(size_name, size)
    result = output(out, (data.shape[0], height, width, data.shape[3]), data.dtype)
    _core.resample2d_forward(data, result, method)
    return result


def _backward(grad_output: Any, input_shape: Any, method: str, out: Any, accumulate: bool) -> Any:
    (gradient,) = floats(("grad_output",), grad_output)
    images("grad_output", gradient)
    shape = image_shape(input_shape)
    if (gradient.shape[0], gradient.shape[3]) != (shape[0], shape[3]):
        raise ShapeError(
            f"grad_output: expected shape ({shape[0]}, out_height, out_width, {shape[3]}), got "
            f"{gradient.shape}"
        )
    result = output(out, shape, gradient.dtype, accumulate)
    _core.resample2d_backward(gradient, result, method, accumulate)
    return result


def upsample2d(
    x: ArrayLike, size: PairLike, *, interpolation: str = "nearest", out: Floats | None = None
) -> Any:
    """Enlarge images to a size given in pixels.

    It does not smooth, so it is not meant for shrinking.

    Parameters
    ----------
    x : array_like of shape (n, height, width, channels)
    size : int or (height, width)
        Size of the output.
    interpolation : {"nearest", "bilinear"}
        The pixel at ``floor(o * in / out)``, or a mean of the four pixels around it, by half-pixel
        centres.
    out : ndarray of shape (n, out_height, out_width, channels), optional

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
    >>> x = np.array([0.0, 4.0]).reshape(1, 1, 2, 1)
    >>> ops.upsample2d(x, (1, 4))[0, 0, :, 0]
    array([0., 0., 4., 4.])
    >>> ops.upsample2d(x, (1, 4), interpolation="bilinear")[0, 0, :, 0]
    array([0., 1., 3., 4.])
    """
    return _forward(x, size, "size", choice("interpolation", interpolation, INTERPOLATIONS), out)


def upsample2d_backward(
    grad_output: ArrayLike,
    input_shape: Sequence[int],
    *,
    interpolation: str = "nearest",
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `upsample2d`.

    Each value goes to the pixels that it was computed from, with their weights.

    Parameters
    ----------
    grad_output : array_like of shape (n, out_height, out_width, channels)
    input_shape : tuple of 4 int, (n, height, width, channels)
    interpolation : {"nearest", "bilinear"}
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
    >>> grad_output = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 4, 1)
    >>> ops.upsample2d_backward(grad_output, (1, 1, 2, 1)).ravel()
    array([3., 7.])
    """
    return _backward(
        grad_output,
        input_shape,
        choice("interpolation", interpolation, INTERPOLATIONS),
        out,
        accumulate,
    )


def adaptive_average_pool2d(
    x: ArrayLike, output_size: PairLike, *, out: Floats | None = None
) -> Any:
    """Average over windows chosen so that the output has a given size.

    Output ``o`` is the mean from pixel ``floor(o * in / out)`` to ``ceil((o + 1) * in / out)``;
    where the sizes do not divide, windows overlap.

    Parameters
    ----------
    x : array_like of shape (n, height, width, channels)
    output_size : int or (height, width)
    out : ndarray of shape (n, out_height, out_width, channels), optional

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
    >>> ops.adaptive_average_pool2d(np.array([2.0, 4.0, 8.0]).reshape(1, 1, 3, 1), (1, 2)).ravel()
    array([3., 6.])
    """
    return _forward(x, output_size, "output_size", "average", out)


def adaptive_average_pool2d_backward(
    grad_output: ArrayLike,
    input_shape: Sequence[int],
    *,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `adaptive_average_pool2d`: each value is spread evenly over its
    window.

    Parameters
    ----------
    grad_output : array_like of shape (n, out_height, out_width, channels)
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
    >>> grad_output = np.array([2.0, 4.0]).reshape(1, 1, 2, 1)
    >>> ops.adaptive_average_pool2d_backward(grad_output, (1, 1, 3, 1)).ravel()
    array([1., 3., 2.])
    """
    return _backward(grad_output, input_shape, "average", out, accumulate)
