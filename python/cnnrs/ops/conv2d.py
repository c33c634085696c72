"""Two-dimensional convolution, forward and its three gradients.

As everywhere in this field it is cross-correlation: the filter is not flipped. Images are ``(n,
height, width, channels)``, filters ``(kernel_height, kernel_width, channels / groups, filters)``.
With ``groups > 1`` the channels and filters are cut into as many equal runs that do not see one
another; ``groups = channels`` is a depthwise convolution. The algorithm is chosen by shape
(`conv2d_algorithm`).
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
    flag,
    floats,
    images,
    output,
    pair,
    rank,
    shape_of,
)
from cnnrs.errors import DTypeError, ShapeError
from cnnrs.ops.conv2d_weight import (
    IMAGE_AXES,
    PreparedConv2dWeight,
    check_algorithm_name,
    check_depth,
    check_filters,
    window_geometry,
)

_FORWARD = ("x", "weight", "bias")
_PREPARED = ("x", "bias")
_BACKWARD_INPUT = ("grad_output", "weight", "activation_output")
_BACKWARD_WEIGHT = ("grad_output", "x", "activation_output")
_BACKWARD_BIAS = ("grad_output", "activation_output")


def conv2d(
    x: ArrayLike,
    weight: ArrayLike | PreparedConv2dWeight,
    bias: ArrayLike | None = None,
    *,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    groups: int = 1,
    activation: str | None = None,
    max_pool: bool = False,
    algorithm: str | None = None,
    out: Floats | None = None,
) -> Any:
    """Slides filters over images; each position gives one number per filter, the sum of products.

    Parameters
    ----------
    x : array_like of shape (n, height, width, channels)
    weight : array_like of shape (kernel_height, kernel_width, channels / groups, filters), or PreparedConv2dWeight
    bias : array_like of shape (filters,), optional
        Added to every position.
    stride, dilation : int or pair of int, at least 1
        Pixels from one position to the next, and from one filter element to the next.
    padding : int, pair, four sides, "same" or "valid"
        Zeros around the image; see `conv2d_output_size`.
    groups : int
        A divisor of both channels and filters.
    activation : {None, "relu"}
        Applied to the output in the same pass.
    max_pool : bool
        Keep only the largest of each 2 × 2 outputs, as ``max_pool2d(y, 2)`` would; of many images
        and few filters (`conv2d_pools`) the others are never written. A last odd row or column is
        left out.
    algorithm : str, optional
        Forces an algorithm instead of choosing by shape; see `conv2d_algorithm`.
    out : ndarray of the shape of the result, optional
        Written to and returned; overlaps no other argument.

    Returns
    -------
    ndarray of shape (n, out_height, out_width, filters), float32 or float64
        With `max_pool`, half as high and wide.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

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
    if isinstance(weight, PreparedConv2dWeight):
        data, offset = floats(_PREPARED, x, bias)
        if data.dtype != weight.dtype:
            if weight.dtype == np.float32:
                raise DTypeError(
                    "weight: prepared from float32 filters, but the other arrays are "
                    f"{data.dtype}; prepare float64 ones"
                )
            data, offset = (
                data.astype(weight.dtype),
                None if offset is None else offset.astype(weight.dtype),
            )
        filters: Any = weight.handle
        shape = weight.shape
    else:
        data, filters, offset = floats(_FORWARD, x, weight, bias)
        check_filters(filters)
        shape = filters.shape
    images("x", data)
    if offset is not None and offset.ndim != 1:
        rank("bias", offset, 1, "(filters,)")
    if activation is not None:
        choice("activation", activation, (None, "relu"))
    stride, sides, dilation, groups, (height, width) = window_geometry(
        data.shape, shape, stride, padding, dilation, groups
    )
    check_depth(data.shape[3], shape, groups)
    if flag("max_pool", max_pool):
        if min(height, width) < 2:
            raise ShapeError(
                f"max_pool: expected an output of at least 2 x 2 pixels, got {height} x {width}"
            )
        height, width = height // 2, width // 2
    result = output(out, (data.shape[0], height, width, shape[3]), data.dtype)
    check_algorithm_name(algorithm)
    _core.conv2d_forward(
        data,
        filters,
        offset,
        result,
        stride,
        sides,
        dilation,
        groups,
        activation is not None,
        max_pool,
        algorithm,
    )
    return result


def conv2d_backward_input(
    grad_output: ArrayLike,
    weight: ArrayLike,
    input_shape: Sequence[int],
    *,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    groups: int = 1,
    activation_output: ArrayLike | None = None,
    algorithm: str | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Gradient of `conv2d` with respect to its input: every output gradient spread back over the
    pixels it came from.

    Parameters
    ----------
    grad_output : array_like of shape (n, out_height, out_width, filters)
    weight : array_like of shape (kernel_height, kernel_width, channels / groups, filters)
    input_shape : tuple of 4 int
        Shape of the input, ``(n, height, width, channels)``.
    stride, padding, dilation, groups, algorithm
        As in the forward call.
    activation_output : array_like of the shape of `grad_output`, optional
        What the forward call gave with ``activation="relu"``: gradients count only where it is
        positive.
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
    >>> ops.conv2d_backward_input(np.ones((1, 2, 2, 1)), np.ones((2, 2, 1, 1)), (1, 3, 3, 1))[0, :, :, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    if isinstance(weight, PreparedConv2dWeight):
        raise DTypeError(
            "weight: prepared filters serve the forward call only; pass the filters themselves"
        )
    gradient, filters, mask = floats(_BACKWARD_INPUT, grad_output, weight, activation_output)
    shape = shape_of("input_shape", input_shape, 4, IMAGE_AXES)
    if 0 in shape[1:]:
        raise ShapeError(
            "input_shape: expected a height, width and number of channels of at least 1, got "
            f"{shape}"
        )
    check_filters(filters)
    stride, sides, dilation, groups, (height, width) = window_geometry(
        shape, filters.shape, stride, padding, dilation, groups
    )
    check_depth(shape[3], filters.shape, groups)
    _gradient(gradient, mask, (shape[0], height, width, filters.shape[3]))
    result = output(out, shape, filters.dtype, accumulate)
    check_algorithm_name(algorithm)
    _core.conv2d_backward_input(
        gradient, filters, result, stride, sides, dilation, groups, accumulate, mask, algorithm
    )
    return result


def _gradient(grad_output: Any, activation_output: Any, shape: tuple[int, ...]) -> None:
    if grad_output.shape != shape:
        raise ShapeError(
            f"grad_output: expected the output's shape {shape}, got {grad_output.shape}"
        )
    if activation_output is not None and activation_output.shape != shape:
        raise ShapeError(
            f"activation_output: expected the output's shape {shape}, got {activation_output.shape}"
        )


def conv2d_backward_weight(
    grad_output: ArrayLike,
    x: ArrayLike,
    kernel_size: PairLike,
    *,
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
    """Gradient of `conv2d` with respect to its filters: each filter element's share, summed over
    images and positions.

    Parameters
    ----------
    grad_output : array_like of shape (n, out_height, out_width, filters)
    x : array_like of shape (n, height, width, channels)
        Input of the forward call.
    kernel_size : int or pair of int
        Height and width of the filters.
    stride, padding, dilation, groups, algorithm, activation_output
        As in `conv2d_backward_input`.
    out : ndarray of shape (kernel_height, kernel_width, channels / groups, filters), optional
        Written to and returned; overlaps no other argument.
    bias_out : ndarray of shape (filters,), optional
        Where to put the gradient of the bias, too: that of `conv2d_backward_bias` up to rounding,
        cheaper than a second call. Overlaps no other argument.
    accumulate : bool
        Whether to add to `out` and `bias_out`.

    Returns
    -------
    ndarray of shape (kernel_height, kernel_width, channels / groups, filters)

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

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
    kernel = pair("kernel_size", kernel_size)
    stride, sides, dilation, groups, (height, width) = window_geometry(
        data.shape, kernel, stride, padding, dilation, groups
    )
    if gradient.ndim != 4:
        rank("grad_output", gradient, 4, "(n, out_height, out_width, filters)")
    channels, filters = data.shape[3], gradient.shape[3]
    if filters == 0 or channels % groups or filters % groups:
        raise ShapeError(
            f"groups: expected a divisor of {channels} channels and of {filters} filters (at least "
            f"1), got {groups}"
        )
    _gradient(gradient, mask, (data.shape[0], height, width, filters))
    result = output(out, (*kernel, channels // groups, filters), data.dtype, accumulate)
    bias = (
        None
        if bias_out is None
        else output(bias_out, (filters,), data.dtype, accumulate, name="bias_out")
    )
    check_algorithm_name(algorithm)
    _core.conv2d_backward_weight(
        gradient, data, result, bias, stride, sides, dilation, groups, accumulate, mask, algorithm
    )
    return result


def conv2d_backward_bias(
    grad_output: ArrayLike,
    *,
    activation_output: ArrayLike | None = None,
    out: Floats | None = None,
    accumulate: bool = False,
) -> Any:
    """Gradient of `conv2d` with respect to its bias: the output gradient summed over images and
    positions.

    It serves every bias that is added to the last axis, that of a dense layer too.

    Parameters
    ----------
    grad_output : array_like of shape (..., filters), 2 to 4 dimensions
    activation_output, accumulate
        As in `conv2d_backward_input`.
    out : ndarray of shape (filters,), optional
        Written to and returned; overlaps no other argument.

    Returns
    -------
    ndarray of shape (filters,)

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> ops.conv2d_backward_bias(np.ones((2, 3, 3, 1)))
    array([18.])
    """
    gradient, mask = floats(_BACKWARD_BIAS, grad_output, activation_output)
    shape = gradient.shape
    if not 2 <= len(shape) <= 4 or shape[-1] == 0:
        raise ShapeError(
            "grad_output: expected shape (n, out_height, out_width, filters) or (n, filters), at "
            f"least 1 filter, got {shape}"
        )
    _gradient(gradient, mask, shape)
    result = output(out, (shape[-1],), gradient.dtype, accumulate)
    if len(shape) != 4:
        shape = (shape[0], 1, *shape[1:]) if len(shape) == 3 else (shape[0], 1, 1, shape[1])
        gradient = gradient.reshape(shape)
        mask = None if mask is None else mask.reshape(shape)
    _core.conv2d_backward_bias(gradient, result, accumulate, mask)
    return result
