"""Max, average and Lp pooling over windows of images, and their gradients.

Images are ``(n, height, width, channels)``; channels are pooled one by one. ``stride=None`` means
the kernel size. Padding is at most half the window: max pooling never chooses it, average pooling
does not count it unless asked to, Lp pooling takes it as zeros. ``rounding="ceil"`` lets a last
window hang over the border, if it starts inside the image or the padding before it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import (
    Floats,
    PaddingLike,
    Pair,
    PairLike,
    Sides,
    flag,
    floats,
    images,
    indices,
    number,
    output,
    pair,
    shape_of,
)
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.ops.geometry import output_sizes, padding_sides

_X = ("x",)
_GRADIENT = ("grad_output",)
_INT32 = np.dtype(np.int32)


def _geometry(
    shape: Any, kernel_size: Any, stride: Any, padding: Any, rounding: str
) -> tuple[Pair, Pair, Sides, tuple[int, ...]]:
    """Window, stride, padding as asked for, and the shape of the output."""
    kernel = pair("kernel_size", kernel_size)
    step = kernel if stride is None else pair("stride", stride)
    size = (shape[1], shape[2])
    sides = padding_sides(padding, size, kernel, step)
    if 2 * max(sides[0], sides[1]) > kernel[0] or 2 * max(sides[2], sides[3]) > kernel[1]:
        raise ShapeError(f"padding: expected at most half of the window {kernel}, got {padding!r}")
    height, width = output_sizes(size, kernel, step, sides, (1, 1), rounding)
    return kernel, step, sides, (shape[0], height, width, shape[3])


def image_shape(input_shape: Any) -> tuple[int, ...]:
    """The checked shape of a batch of images, of which only the number may be 0."""
    shape = shape_of("input_shape", input_shape, 4, "(n, height, width, channels)")
    if 0 in shape[1:]:
        raise ShapeError(
            "input_shape: expected a height, width and number of channels of at least 1, got "
            f"{shape}"
        )
    return shape


def _gradient(name: str, array: Any, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ShapeError(f"{name}: expected the output's shape {shape}, got {array.shape}")


def max_pool2d(
    x: ArrayLike,
    kernel_size: PairLike,
    *,
    stride: PairLike | None = None,
    padding: PaddingLike = 0,
    rounding: str = "floor",
    out: Any = None,
) -> tuple[Any, Any]:
    """Largest value of each window, and where it was.

    NaN counts as larger than any number; of equal values the first in row-major order is taken.

    Parameters
    ----------
    x : array_like of shape (n, height, width, channels)
    kernel_size, stride : int or pair of int
    padding : int, pair, four sides, "same" or "valid"; at most half the window
    rounding : {"floor", "ceil", "exact"}
    out : ndarray, or tuple of (ndarray, ndarray of int32), optional
        Where to write `y`, or `y` and `argmax`; overlaps no other argument.

    Returns
    -------
    y : ndarray of shape (n, out_height, out_width, channels)
    argmax : ndarray of that shape, int32
        Index ``row * width + column`` into the input's plane of that sample and channel.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> image = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]]).reshape(1, 4, 4, 1)
    >>> y, argmax = ops.max_pool2d(image, 2)
    >>> y[0, :, :, 0]
    array([[6., 8.],
           [3., 4.]], dtype=float32)
    >>> argmax[0, :, :, 0]
    array([[ 5,  7],
           [ 8, 15]], dtype=int32)
    """
    (data,) = floats(_X, x)
    images("x", data)
    kernel, step, sides, shape = _geometry(data.shape, kernel_size, stride, padding, rounding)
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
    _core.max_pool2d_forward(data, y, argmax, kernel, step, sides)
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
    """Gradient of `max_pool2d`: each output gradient goes to the pixel that was chosen.

    Parameters
    ----------
    grad_output : array_like of shape (n, out_height, out_width, channels)
    argmax : array_like of int of that shape
        As the forward call returned it.
    input_shape : tuple of 4 int, (n, height, width, channels)
    kernel_size, stride, padding, rounding : optional
        As in the forward call. With `kernel_size` given a faster way is taken, and every index must
        lie in its window.
    out : ndarray of shape `input_shape`, optional
        Written to and returned; overlaps no other argument.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of shape `input_shape`

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them; for an index outside the image or its window.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.max_pool2d_backward(np.array([[[[5.0]]]]), np.array([[[[2]]]]), (1, 2, 2, 1), kernel_size=2)[0, :, :, 0]
    array([[0., 0.],
           [5., 0.]])
    """
    (gradient,) = floats(_GRADIENT, grad_output)
    places = indices("argmax", argmax)
    shape = image_shape(input_shape)
    window = None
    if kernel_size is not None:
        kernel, step, sides, expected = _geometry(shape, kernel_size, stride, padding, rounding)
        _gradient("grad_output", gradient, expected)
        window = kernel, step, sides
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
    _gradient("argmax", places, gradient.shape)
    result = output(out, shape, gradient.dtype, accumulate)
    _core.max_pool2d_backward(gradient, places, result, window, accumulate)
    return result


def avg_pool2d(
    x: ArrayLike,
    kernel_size: PairLike,
    *,
    stride: PairLike | None = None,
    padding: PaddingLike = 0,
    rounding: str = "floor",
    count_include_pad: bool = False,
    out: Floats | None = None,
) -> Any:
    """Mean of each window.

    Parameters
    ----------
    x : array_like of shape (n, height, width, channels)
    kernel_size, stride : int or pair of int
    padding : int, pair, four sides, "same" or "valid"; at most half the window
    rounding : {"floor", "ceil", "exact"}
    count_include_pad : bool
        Whether padding counts as zeros in the mean. What hangs over the padding
        (``rounding="ceil"``) never does.
    out : ndarray of the shape and dtype of the result, optional
        Written to and returned; overlaps no other argument.

    Returns
    -------
    ndarray of shape (n, out_height, out_width, channels)

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.avg_pool2d(np.arange(4.0).reshape(1, 2, 2, 1), 2)
    array([[[[1.5]]]])
    """
    (data,) = floats(_X, x)
    images("x", data)
    kernel, step, sides, shape = _geometry(data.shape, kernel_size, stride, padding, rounding)
    y = output(out, shape, data.dtype)
    _core.avg_pool2d_forward(
        data, y, kernel, step, sides, flag("count_include_pad", count_include_pad)
    )
    return y


def avg_pool2d_backward(
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
    """Gradient of `avg_pool2d`: each output gradient spread evenly over its window.

    Parameters
    ----------
    grad_output : array_like of shape (n, out_height, out_width, channels)
    input_shape : tuple of 4 int, (n, height, width, channels)
    kernel_size, stride, padding, rounding, count_include_pad
        As in the forward call.
    out : ndarray of shape `input_shape`, optional
        Written to and returned; overlaps no other argument.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of shape `input_shape`

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.avg_pool2d_backward(np.array([[[[8.0]]]]), (1, 2, 2, 1), 2)[0, :, :, 0]
    array([[2., 2.],
           [2., 2.]])
    """
    (gradient,) = floats(_GRADIENT, grad_output)
    shape = image_shape(input_shape)
    kernel, step, sides, expected = _geometry(shape, kernel_size, stride, padding, rounding)
    _gradient("grad_output", gradient, expected)
    result = output(out, shape, gradient.dtype, accumulate)
    _core.avg_pool2d_backward(
        gradient,
        result,
        kernel,
        step,
        sides,
        flag("count_include_pad", count_include_pad),
        accumulate,
    )
    return result


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
    """Norm of each window, ``sum(|x|**p)**(1 / p)``; with ``p=2`` its L2 norm.

    Parameters
    ----------
    x : array_like of shape (n, height, width, channels)
    kernel_size, stride : int or pair of int
    padding : int, pair, four sides, "same" or "valid"; at most half the window
    rounding : {"floor", "ceil", "exact"}
    p : float, at least 1
    out : ndarray of the shape and dtype of the result, optional
        Written to and returned; overlaps no other argument.

    Returns
    -------
    ndarray of shape (n, out_height, out_width, channels)

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.lp_pool2d(np.array([3.0, 4.0]).reshape(1, 1, 2, 1), (1, 2))
    array([[[[5.]]]])
    """
    (data,) = floats(_X, x)
    images("x", data)
    power = number("p", p, 1.0)
    kernel, step, sides, shape = _geometry(data.shape, kernel_size, stride, padding, rounding)
    y = output(out, shape, data.dtype)
    _core.lp_pool2d_forward(data, y, kernel, step, sides, power)
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
    """Gradient of `lp_pool2d`: ``grad_output * sign(x) * (|x| / y)**(p - 1)``, and 0 over a window
    of zeros.

    Parameters
    ----------
    grad_output, y : array_like of shape (n, out_height, out_width, channels)
        Gradient of the output, and the output.
    x : array_like of shape (n, height, width, channels)
        Input of the forward call.
    kernel_size, stride, padding, rounding, p
        As in the forward call.
    out : ndarray of the shape of `x`, optional
        Written to and returned; overlaps no other argument.
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of the shape of `x`

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

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
    kernel, step, sides, expected = _geometry(data.shape, kernel_size, stride, padding, rounding)
    _gradient("grad_output", gradient, expected)
    _gradient("y", value, expected)
    result = output(out, data.shape, data.dtype, accumulate)
    _core.lp_pool2d_backward(gradient, data, value, result, kernel, step, sides, power, accumulate)
    return result
