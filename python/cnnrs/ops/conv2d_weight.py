"""Filters of a convolution: their checks, the algorithm that their shape asks for, and filters
prepared once for many calls.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from cnnrs import _core
from cnnrs._arguments import (
    PaddingLike,
    Pair,
    PairLike,
    Sides,
    choice,
    float_dtype,
    floats,
    integer,
    pair,
    rank,
    shape_of,
)
from cnnrs.errors import DTypeError, ShapeError
from cnnrs.ops.geometry import output_sizes, padding_sides

IMAGE_AXES = "(n, height, width, channels)"
WEIGHT_AXES = "(kernel_height, kernel_width, channels / groups, filters)"


class PreparedConv2dWeight:
    """Filters transformed and packed once for one convolution; made by `prepare_conv2d_weight`,
    taken by `conv2d`.

    Attributes
    ----------
    shape : tuple of 4 int
        Of the filters that it was made from.
    dtype : numpy.dtype
        Of those filters, float32 or float64.
    """

    __slots__ = ("dtype", "handle", "shape")

    def __init__(self, handle: _core.PreparedConv2dWeight, filters: Any) -> None:
        self.handle = handle
        self.shape: tuple[int, ...] = filters.shape
        self.dtype: np.dtype[Any] = filters.dtype

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that it was made for."""
        return self.handle.algorithm

    @property
    def nbytes(self) -> int:
        """Bytes that it holds."""
        return self.handle.nbytes

    def __repr__(self) -> str:
        return (
            f"PreparedConv2dWeight(shape={self.shape}, algorithm={self.algorithm!r}, "
            f"nbytes={self.nbytes})"
        )


def check_filters(weight: Any) -> None:
    """Four axes, none of them empty."""
    if weight.ndim != 4:
        rank("weight", weight, 4, WEIGHT_AXES)
    if 0 in weight.shape:
        raise ShapeError(
            f"weight: expected sizes of at least 1 {WEIGHT_AXES}, got shape {weight.shape}"
        )


def window_geometry(
    shape: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> tuple[Pair, Sides, Pair, int, Pair]:
    """Stride, four sides of padding, dilation, groups, and the output's height and width."""
    stride, dilation = pair("stride", stride), pair("dilation", dilation)
    groups = integer("groups", groups, 1)
    size, kernel = (shape[1], shape[2]), (kernel_size[0], kernel_size[1])
    sides = padding_sides(padding, size, kernel, stride, dilation)
    return stride, sides, dilation, groups, output_sizes(size, kernel, stride, sides, dilation)


def check_algorithm_name(algorithm: str | None) -> None:
    """A name; which names there are, the kernels know."""
    if algorithm is not None and not isinstance(algorithm, str):
        raise DTypeError(f"algorithm: expected a name or None, got {algorithm!r}")


def check_depth(channels: int, weight_shape: tuple[int, ...], groups: int) -> None:
    """Filters as deep as what they see of the input."""
    if weight_shape[2] * groups != channels:
        split = f" in {groups} groups" if groups > 1 else ""
        raise ShapeError(
            f"weight: the filters have depth {weight_shape[2]}, but the input has {channels} "
            f"channels{split}; "
            f"a filter must be as deep as its input{' divided by groups' if groups > 1 else ''}"
        )


def conv2d_algorithm(
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    *,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    groups: int = 1,
    direction: str = "forward",
) -> str:
    """Name of the algorithm that a float32 convolution of these shapes uses.

    Parameters
    ----------
    input_shape : tuple of 4 int, (n, height, width, channels)
    weight_shape : tuple of 4 int, (kernel_height, kernel_width, channels / groups, filters)
    stride, padding, dilation, groups
        As in `conv2d`.
    direction : {"forward", "backward_input", "backward_weight", "prediction"}
        The last is what a model's prediction asks for, whose filters are prepared once: forward,
        but chosen so that a sample alone is fast where it is one tile and the filters are many.

    Returns
    -------
    str

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> from cnnrs import ops
    >>> isinstance(ops.conv2d_algorithm((1, 28, 28, 1), (5, 5, 1, 32)), str)
    True
    """
    choice("direction", direction, ("forward", "backward_input", "backward_weight", "prediction"))
    shape: Any = shape_of("input_shape", input_shape, 4, IMAGE_AXES)
    filters: Any = shape_of("weight_shape", weight_shape, 4, WEIGHT_AXES)
    stride, sides, dilation, groups, _ = window_geometry(
        shape, filters, stride, padding, dilation, groups
    )
    return _core.conv2d_algorithm(direction, shape, filters, stride, sides, dilation, groups)


def conv2d_pools(
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    *,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    groups: int = 1,
    dtype: DTypeLike = np.float32,
) -> bool:
    """Whether a convolution of these shapes can pool its outputs before it writes them, for a batch
    of many images.

    It does so where the filters are few: see `conv2d` with ``max_pool``.

    Parameters
    ----------
    input_shape : tuple of 4 int, (n, height, width, channels)
    weight_shape : tuple of 4 int, (kernel_height, kernel_width, channels / groups, filters)
    stride, padding, dilation, groups
        As in `conv2d`.
    dtype : {float32, float64}

    Returns
    -------
    bool

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.conv2d_pools((1, 28, 28, 1), (5, 5, 1, 6)), ops.conv2d_pools((1, 28, 28, 64), (3, 3, 64, 64))
    (True, False)
    """
    shape: Any = shape_of("input_shape", input_shape, 4, IMAGE_AXES)
    filters: Any = shape_of("weight_shape", weight_shape, 4, WEIGHT_AXES)
    stride, sides, dilation, groups, _ = window_geometry(
        shape, filters, stride, padding, dilation, groups
    )
    return _core.conv2d_pools(
        shape, filters, stride, sides, dilation, groups, float_dtype(dtype) == np.float64
    )


def prepare_conv2d_weight(
    weight: ArrayLike,
    input_shape: Sequence[int],
    *,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    groups: int = 1,
    algorithm: str | None = None,
) -> PreparedConv2dWeight:
    """Transforms and packs filters once, for many forward calls with inputs of one size.

    The result is a snapshot: a later edit of `weight` does not reach it.

    Parameters
    ----------
    weight : array_like of shape (kernel_height, kernel_width, channels / groups, filters)
    input_shape : tuple of 4 int
        Of the inputs to come, ``(n, height, width, channels)``; their batch size may differ.
    stride, padding, dilation, groups, algorithm
        As in the calls to come.

    Returns
    -------
    PreparedConv2dWeight
        Accepted by `conv2d` in place of the filters; the result has the same bits.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> weight = np.ones((3, 3, 1, 4), np.float32)
    >>> prepared = ops.prepare_conv2d_weight(weight, (1, 8, 8, 1), padding="same")
    >>> ops.conv2d(np.ones((1, 8, 8, 1), np.float32), prepared, padding="same").shape
    (1, 8, 8, 4)
    """
    (filters,) = floats(("weight",), weight)
    check_filters(filters)
    shape: Any = shape_of("input_shape", input_shape, 4, IMAGE_AXES)
    stride, sides, dilation, groups, _ = window_geometry(
        shape, filters.shape, stride, padding, dilation, groups
    )
    check_depth(shape[3], filters.shape, groups)
    check_algorithm_name(algorithm)
    return PreparedConv2dWeight(
        _core.prepare_conv2d_weight(filters, shape, stride, sides, dilation, groups, algorithm),
        filters,
    )
