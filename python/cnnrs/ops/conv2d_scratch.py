"""What a convolution needs beside its arrays: memory for transformed filters and tiles, kept from
call to call.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from cnnrs import _core
from cnnrs._arguments import PaddingLike, PairLike, choice, flag, float_dtype, shape_of
from cnnrs.ops.conv2d_weight import IMAGE_AXES, WEIGHT_AXES, window_geometry


def conv2d_scratch(
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    *,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    groups: int = 1,
    direction: str = "forward",
    prepared: bool = False,
    max_pool: bool = False,
    dtype: DTypeLike = np.float32,
) -> tuple[list[int], list[int], int]:
    """Bytes that a convolution takes beside its arrays, from a rehearsal of it that does a small
    part of the work.

    Parameters
    ----------
    input_shape : tuple of 4 int, (n, height, width, channels)
    weight_shape : tuple of 4 int, (kernel_height, kernel_width, channels / groups, filters)
    stride, padding, dilation, groups
        As in `conv2d`.
    direction : {"forward", "backward_input", "backward_weight"}
    prepared : bool
        Whether the filters are prepared once, as a model's prediction does it, for the forward
        direction.
    max_pool : bool
        As in `conv2d`, for the forward direction of a prediction.
    dtype : {float32, float64}

    Returns
    -------
    scratch : list of int
        The buffers that the calling thread holds at a time; it keeps the largest first one of all
        calls, the largest second one, and so on.
    worker_scratch : list of int
        Those that each other thread holds, and keeps in the same way.
    prepared_bytes : int
        Size of the prepared filters; 0 without.

    Raises
    ------
    ShapeError, DTypeError, ArgumentError
        For arguments that do not fit, naming them.
    MemoryError
        For arrays that no address space holds.

    Examples
    --------
    >>> from cnnrs import ops
    >>> scratch, worker_scratch, prepared_bytes = ops.conv2d_scratch((1, 28, 28, 64), (3, 3, 64, 64), padding=1, prepared=True)
    >>> prepared_bytes >= 3 * 3 * 64 * 64 * 4
    True
    """
    choice("direction", direction, ("forward", "backward_input", "backward_weight"))
    shape: Any = shape_of("input_shape", input_shape, 4, IMAGE_AXES)
    filters: Any = shape_of("weight_shape", weight_shape, 4, WEIGHT_AXES)
    stride, sides, dilation, groups, _ = window_geometry(
        shape, filters, stride, padding, dilation, groups
    )
    double = float_dtype(dtype) == np.float64
    flags = flag("prepared", prepared), flag("max_pool", max_pool)
    return _core.conv2d_scratch(
        direction, shape, filters, stride, sides, dilation, groups, *flags, double
    )
