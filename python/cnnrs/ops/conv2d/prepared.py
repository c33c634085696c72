"""Filters of a convolution, transformed and packed once for many forward calls."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _core
from cnnrs._arguments import PaddingLike, PairLike, floats, rank, shape_of
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.ops.conv2d.geometry import IMAGE_AXES, WEIGHT_AXES, Conv2dGeometry, resolve


class PreparedConv2dWeight:
    """Filters transformed and packed once for one convolution.

    Made by `prepare_conv2d_weight` and accepted by `conv2d` in place of the filters.

    Parameters
    ----------
    handle : object
        The prepared filters in the compiled module.
    filters : ndarray of 4 axes, float32 or float64
        The original filters.

    Attributes
    ----------
    shape : tuple of 4 int
        Shape of the original filters.
    dtype : numpy.dtype
        Dtype of the original filters, float32 or float64.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import ops
    >>> weight = np.ones((3, 3, 1, 4), np.float32)
    >>> prepared = ops.prepare_conv2d_weight(weight, (1, 8, 8, 1), padding="same")
    >>> prepared.shape, prepared.nbytes > 0
    ((3, 3, 1, 4), True)
    """

    __slots__ = ("dtype", "handle", "shape")

    def __init__(self, handle: _core.PreparedConv2dWeight, filters: Any) -> None:
        self.handle = handle
        self.shape: tuple[int, ...] = filters.shape
        self.dtype: np.dtype[Any] = filters.dtype

    @property
    def algorithm(self) -> str:
        """Name of the algorithm that the filters were prepared for."""
        return self.handle.algorithm

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.handle.nbytes

    def __repr__(self) -> str:
        return (
            f"PreparedConv2dWeight(shape={self.shape}, algorithm={self.algorithm!r}, "
            f"nbytes={self.nbytes})"
        )


def check_filters(weight: Any) -> None:
    """Check for four axes, none of them empty."""
    if weight.ndim != 4:
        rank("weight", weight, 4, WEIGHT_AXES)
    if 0 in weight.shape:
        raise ShapeError(
            f"weight: expected sizes of at least 1 {WEIGHT_AXES}, got shape {weight.shape}"
        )


def check_algorithm_name(algorithm: str | None) -> None:
    """Check for a name; the kernels know which names there are."""
    if algorithm is not None and not isinstance(algorithm, str):
        raise DTypeError(f"algorithm: expected a name or None, got {algorithm!r}")


def prepare_conv2d_weight(
    weight: ArrayLike,
    input_shape: Sequence[int] | None = None,
    *,
    geometry: Conv2dGeometry | None = None,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    groups: int = 1,
    algorithm: str | None = None,
) -> PreparedConv2dWeight:
    """Transform and pack filters once, for many forward calls with inputs of one size.

    The result is a snapshot: later edits of `weight` do not change it.

    Parameters
    ----------
    weight : array_like of shape (kernel_height, kernel_width, channels / groups, filters)
    input_shape : tuple of 4 int, (n, height, width, channels)
        Shape of later inputs, whose batch size may differ. Left out with `geometry`.
    geometry : Conv2dGeometry, optional
        Replaces `input_shape`, `stride`, `padding`, `dilation` and `groups`.
    stride : int or pair of int, at least 1
    padding : int, pair, four sides, "same" or "valid"
    dilation : int or pair of int, at least 1
    groups : int
    algorithm : str, optional
        As in later calls of `conv2d`.

    Returns
    -------
    PreparedConv2dWeight
        Accepted by `conv2d` in place of the filters. The result has the same bits.

    See Also
    --------
    cnnrs.ops : Conventions on arguments, dtypes and errors.

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
    if (input_shape is None) is (geometry is None):
        raise ArgumentError("input_shape: expected either input_shape or geometry")
    shape = () if input_shape is None else shape_of("input_shape", input_shape, 4, IMAGE_AXES)
    sizes, _ = resolve(geometry, shape, filters.shape, stride, padding, dilation, groups)
    check_algorithm_name(algorithm)
    handle = _core.prepare_conv2d_weight(sizes, filters, algorithm)
    return PreparedConv2dWeight(handle, filters)
