"""Two-dimensional convolution: the forward pass, alone or with max pooling, and its gradients.

As usual in deep learning it is cross-correlation: the filter is not flipped. Images have shape
``(n, height, width, channels)``, filters ``(kernel_height, kernel_width, channels / groups,
filters)``. With ``groups > 1`` the channels and the filters are split into that many equal groups,
and each group of filters sees its own group of channels; ``groups = channels`` is a depthwise
convolution. The algorithm is chosen by shape (`Conv2dGeometry.method`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import (
    Floats,
    PaddingLike,
    PairLike,
    choice,
    floats,
    images,
    integer,
    output,
    pair,
    rank,
    shape_of,
)
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.ops.conv2d.geometry import IMAGE_AXES, Conv2dGeometry, refuse, resolve
from cnnrs.ops.conv2d.prepared import PreparedConv2dWeight, check_algorithm_name, check_filters

_FORWARD = ("x", "weight", "bias")
_PREPARED = ("x", "bias")
_BACKWARD_INPUT = ("grad_output", "weight", "activation_output")
_BACKWARD_WEIGHT = ("grad_output", "x", "activation_output")


def conv2d(
    x: ArrayLike,
    weight: ArrayLike | PreparedConv2dWeight,
    bias: ArrayLike | None = None,
    *,
    geometry: Conv2dGeometry | None = None,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    groups: int = 1,
    activation: str | None = None,
    algorithm: str | None = None,
    out: Floats | None = None,
) -> Any:
    """Slide filters over images: each output is the sum of products at one position of one filter.

    Parameters
    ----------
    x : array_like of shape (n, height, width, channels)
    weight : array_like of shape (kernel_height, kernel_width, channels / groups, filters), or \
            PreparedConv2dWeight
    bias : array_like of shape (filters,), optional
        Added at every position.
    geometry : Conv2dGeometry, optional
        Replaces `stride`, `padding`, `dilation` and `groups`.
    stride : int or pair of int, at least 1
        Pixels from one position to the next.
    padding : int, pair, four sides, "same" or "valid"
        Zeros around the image; see `conv2d_output_size`.
    dilation : int or pair of int, at least 1
        Pixels from one filter element to the next.
    groups : int
        A divisor of both channels and filters.
    activation : {None, "relu"}
        Applied to the output in the same pass.
    algorithm : str, optional
        Name of the algorithm to use instead of the one chosen by shape.
    out : ndarray of the shape of the result, optional

    Returns
    -------
    ndarray of shape (n, out_height, out_width, filters), float32 or float64

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    References
    ----------
    V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning",
    arXiv:1603.07285.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> image = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> ops.conv2d(image, np.ones((2, 2, 1, 1)))[0, :, :, 0]
    array([[ 8., 12.],
           [20., 24.]])
    """
    window = stride, padding, dilation, groups
    return _forward(x, weight, bias, geometry, window, activation, algorithm, out, False)


def conv2d_max_pool2d(
    x: ArrayLike,
    weight: ArrayLike | PreparedConv2dWeight,
    bias: ArrayLike | None = None,
    *,
    geometry: Conv2dGeometry | None = None,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    groups: int = 1,
    activation: str | None = None,
    algorithm: str | None = None,
    out: Floats | None = None,
) -> Any:
    """Convolve and keep the largest of each 2 × 2 outputs, as ``max_pool2d(conv2d(...), 2)`` does.

    Where `Conv2dGeometry.fuses_max_pool` holds, many images at a time are pooled before the output
    is written. A last odd row or column is left out.

    Parameters
    ----------
    x, weight, bias, geometry, stride, padding, dilation, groups, activation, algorithm : various
        As in `conv2d`.
    out : ndarray of the shape of the result, optional

    Returns
    -------
    ndarray of shape (n, out_height // 2, out_width // 2, filters), float32 or float64

    See Also
    --------
    cnnrs.ops : Conventions on `out`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> image = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> ops.conv2d_max_pool2d(image, np.ones((2, 2, 1, 1)))
    array([[[[24.]]]])
    """
    window = stride, padding, dilation, groups
    return _forward(x, weight, bias, geometry, window, activation, algorithm, out, True)


def _forward(
    x: Any,
    weight: Any,
    bias: Any,
    geometry: Conv2dGeometry | None,
    window: tuple[Any, Any, Any, Any],
    activation: str | None,
    algorithm: str | None,
    out: Any,
    max_pool: bool,
) -> Any:
    """Check the arguments of a forward pass and run it, with or without pooling."""
    if isinstance(weight, PreparedConv2dWeight):
        data, offset = _like_prepared(x, weight, bias)
        filters: Any = weight.handle
        weight_shape = weight.shape
    else:
        data, filters, offset = floats(_FORWARD, x, weight, bias)
        weight_shape = filters.shape
    if geometry is None:  # with a geometry, the kernel compares the shapes with it
        if not isinstance(weight, PreparedConv2dWeight):
            check_filters(filters)
        images("x", data)
    elif data.ndim != 4:
        rank("x", data, 4, IMAGE_AXES)
    if offset is not None and offset.ndim != 1:
        rank("bias", offset, 1, "(filters,)")
    if activation is not None:
        choice("activation", activation, (None, "relu"))
    handle, (height, width, channels) = resolve(geometry, data.shape, weight_shape, *window)
    if max_pool:
        if min(height, width) < 2:
            raise ShapeError(
                f"x: expected an output to pool of at least 2 x 2 pixels, got {height} x {width}"
            )
        height, width = height // 2, width // 2
    result = output(out, (data.shape[0], height, width, channels), data.dtype)
    if algorithm is not None:
        check_algorithm_name(algorithm)
    _core.conv2d_forward(
        handle, data, filters, offset, result, activation is not None, max_pool, algorithm
    )
    return result


def _like_prepared(x: Any, weight: PreparedConv2dWeight, bias: Any) -> tuple[Any, Any]:
    """Return `x` and `bias` as arrays of the dtype of prepared filters."""
    data, offset = floats(_PREPARED, x, bias)
    if data.dtype == weight.dtype:
        return data, offset
    if weight.dtype == np.float32:
        raise DTypeError(
            f"weight: prepared from float32 filters, but the other arrays are {data.dtype}; "
            "prepare float64 ones"
        )
    return data.astype(weight.dtype), None if offset is None else offset.astype(weight.dtype)


def conv2d_backward_input(
    grad_output: ArrayLike,
    weight: ArrayLike,
    input_shape: Sequence[int] | None = None,
    *,
    geometry: Conv2dGeometry | None = None,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    groups: int = 1,
    activation_output: ArrayLike | None = None,
    algorithm: str | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `conv2d` with respect to its input.

    Parameters
    ----------
    grad_output : array_like of shape (n, out_height, out_width, filters)
    weight : array_like of shape (kernel_height, kernel_width, channels / groups, filters)
    input_shape : tuple of 4 int, (n, height, width, channels)
        Shape of the input. Left out with `geometry`.
    geometry : Conv2dGeometry, optional
        Replaces `input_shape`, `stride`, `padding`, `dilation` and `groups`.
    stride : int or pair of int, at least 1
    padding : int, pair, four sides, "same" or "valid"
    dilation : int or pair of int, at least 1
    groups : int
        As in the forward call.
    activation_output : array_like of the shape of `grad_output`, optional
        The result of the forward call with ``activation="relu"``: the gradient passes only where
        this is positive.
    algorithm : str, optional
        As in the forward call.
    out : ndarray of the shape of the input, optional
    accumulate : bool
        Whether to add to `out`.

    Returns
    -------
    ndarray of shape (n, height, width, channels)

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> grad_output, weight = np.ones((1, 2, 2, 1)), np.ones((2, 2, 1, 1))
    >>> ops.conv2d_backward_input(grad_output, weight, (1, 3, 3, 1))[0, :, :, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    if isinstance(weight, PreparedConv2dWeight):
        raise DTypeError(
            "weight: prepared filters are for the forward call only; pass the filters themselves"
        )
    gradient, filters, mask = floats(_BACKWARD_INPUT, grad_output, weight, activation_output)
    check_filters(filters)
    if geometry is None:
        shape = shape_of("input_shape", input_shape, 4, IMAGE_AXES)
        if 0 in shape[1:]:
            raise ShapeError(
                "input_shape: expected a height, width and number of channels of at least 1, got "
                f"{shape}"
            )
    else:
        if input_shape is not None or not isinstance(geometry, Conv2dGeometry):
            refuse(geometry, input_shape=input_shape)
        shape = (*gradient.shape[:1], *geometry.input_shape)
    handle, sizes = resolve(geometry, shape, filters.shape, stride, padding, dilation, groups)
    _check_output("grad_output", gradient, (shape[0], *sizes))
    if mask is not None:
        _check_output("activation_output", mask, gradient.shape)
    result = output(out, shape, filters.dtype, accumulate)
    check_algorithm_name(algorithm)
    _core.conv2d_backward_input(handle, gradient, filters, result, accumulate, mask, algorithm)
    return result


def _check_output(name: str, array: Any, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ShapeError(f"{name}: expected the output's shape {shape}, got {array.shape}")


def conv2d_backward_weight(
    grad_output: ArrayLike,
    x: ArrayLike,
    kernel_size: PairLike | None = None,
    *,
    geometry: Conv2dGeometry | None = None,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    groups: int = 1,
    activation_output: ArrayLike | None = None,
    algorithm: str | None = None,
    out: Floats | None = None,
    bias_out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Compute the gradient of `conv2d` with respect to its filters.

    Parameters
    ----------
    grad_output : array_like of shape (n, out_height, out_width, filters)
    x : array_like of shape (n, height, width, channels)
        Input of the forward call.
    kernel_size : int or pair of int
        Height and width of the filters. Left out with `geometry`.
    geometry : Conv2dGeometry, optional
        Replaces `kernel_size`, `stride`, `padding`, `dilation` and `groups`.
    stride : int or pair of int, at least 1
    padding : int, pair, four sides, "same" or "valid"
    dilation : int or pair of int, at least 1
    groups : int
        As in the forward call.
    activation_output : array_like of the shape of `grad_output`, optional
        As in `conv2d_backward_input`.
    algorithm : str, optional
        As in the forward call.
    out : ndarray of shape (kernel_height, kernel_width, channels / groups, filters), optional
    bias_out : ndarray of shape (filters,), optional
        If given, also filled with the bias gradient (equal to `sum_rows` up to rounding). Must not
        overlap the other arrays.
    accumulate : bool
        Whether to add to `out` and `bias_out`.

    Returns
    -------
    ndarray of shape (kernel_height, kernel_width, channels / groups, filters)

    See Also
    --------
    cnnrs.ops : Conventions on `out`, `accumulate`, dtypes and errors.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> image = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> ops.conv2d_backward_weight(np.ones((1, 2, 2, 1)), image, 2)[:, :, 0, 0]
    array([[ 8., 12.],
           [20., 24.]])
    """
    gradient, data, mask = floats(_BACKWARD_WEIGHT, grad_output, x, activation_output)
    images("x", data)
    if gradient.ndim != 4:
        rank("grad_output", gradient, 4, "(n, out_height, out_width, filters)")
    if geometry is None:
        shape: tuple[int, ...] = _weight_shape(
            kernel_size, data.shape[3], gradient.shape[3], groups
        )
    else:
        if kernel_size is not None or not isinstance(geometry, Conv2dGeometry):
            refuse(geometry, kernel_size=kernel_size)
        shape = geometry.weight_shape
    handle, sizes = resolve(geometry, data.shape, shape, stride, padding, dilation, groups)
    _check_output("grad_output", gradient, (data.shape[0], *sizes))
    if mask is not None:
        _check_output("activation_output", mask, gradient.shape)
    result = output(out, shape, data.dtype, accumulate)
    bias = (
        None
        if bias_out is None
        else output(bias_out, shape[3:], data.dtype, accumulate, name="bias_out")
    )
    check_algorithm_name(algorithm)
    _core.conv2d_backward_weight(handle, gradient, data, result, bias, accumulate, mask, algorithm)
    return result


def _weight_shape(
    kernel_size: Any, channels: int, filters: int, groups: Any
) -> tuple[int, int, int, int]:
    """Return the shape of the filters; check that the groups divide channels and filters."""
    if kernel_size is None:
        raise ArgumentError("kernel_size: expected either kernel_size or geometry")
    height, width = pair("kernel_size", kernel_size)
    parts = integer("groups", groups, 1)
    if filters == 0 or channels % parts or filters % parts:
        raise ShapeError(
            f"groups: expected a divisor of {channels} channels and of {filters} filters (at least "
            f"1), got {parts}"
        )
    return height, width, channels // parts, filters
