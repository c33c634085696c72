"""Sizes of sliding windows: the output-size formula, and padding in its four spellings.

``padding`` is an integer (all sides), a pair ``(height, width)``, four sides ``((top, bottom),
(left, right))``, ``"valid"`` (none) or ``"same"`` (the output has ``ceil(size / stride)`` pixels;
where the padding is odd, the odd pixel goes to the bottom and right).
"""

from typing import Any

from cnnrs import _arguments, _core
from cnnrs._arguments import PaddingLike, Pair, PairLike, Sides, choice, is_sequence, pair
from cnnrs.errors import ShapeError

ROUNDINGS = ("floor", "ceil", "exact")


def conv2d_output_size(
    size: PairLike,
    kernel_size: PairLike,
    stride: PairLike = 1,
    padding: PaddingLike = 0,
    dilation: PairLike = 1,
    rounding: str = "floor",
) -> int | Pair:
    """Compute the number of positions of a window: ``(W - K + 2P) / S + 1``.

    ``K`` is the span of the dilated window.

    The same formula serves convolution and pooling.

    Parameters
    ----------
    size : int or pair of int
        Pixels of one axis, or ``(height, width)``. For one axis the other arguments are
        integers too, and padding may be ``(before, after)``.
    kernel_size, stride : int or pair of int, at least 1
    padding : int, pair, four sides, "same" or "valid"
    dilation : int or pair of int, at least 1
    rounding : {"floor", "ceil", "exact"}
        How to round a fraction: leave border pixels unused, add a last window that extends beyond
        the border (if it starts inside the input or the padding before it), or raise an error.

    Returns
    -------
    int or (int, int)
        A pair if `size` is a pair.

    Raises
    ------
    ShapeError
        If the window is larger than the padded input, a size is 0, or, with ``rounding="exact"``,
        the stride does not fit: the message shows the formula with its numbers and the nearest
        strides and paddings that do.

    References
    ----------
    V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning",
    arXiv:1603.07285.

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.conv2d_output_size(32, 5)
    28
    >>> ops.conv2d_output_size((7, 9), 3, stride=2, padding="same")
    (4, 5)
    >>> ops.conv2d_output_size(7, 3, stride=3, rounding="ceil")
    3
    """
    if is_sequence(size):
        height, width = pair("size", size, 0)
        kernel, steps, spread = (
            pair("kernel_size", kernel_size, 0),
            pair("stride", stride, 0),
            pair("dilation", dilation, 0),
        )
        sides = padding_sides(padding, (height, width), kernel, steps, spread)
        return output_sizes((height, width), kernel, steps, sides, spread, rounding)
    choice("rounding", rounding, ROUNDINGS)
    length = _arguments.size("size", size)
    window = _arguments.size("kernel_size", kernel_size)
    step, gap = _arguments.size("stride", stride), _arguments.size("dilation", dilation)
    before, after = _axis_padding(padding, length, window, step, gap)
    return _core.output_size(length, window, step, before, after, gap, rounding)


def _axis_padding(padding: Any, size: int, kernel_size: int, stride: int, dilation: int) -> Pair:
    if isinstance(padding, str):
        if choice("padding", padding, ("same", "valid")) == "valid":
            return 0, 0
        return _core.same_padding(size, kernel_size, stride, dilation)
    return pair("padding", padding, 0)


def padding_sides(
    padding: Any, size: Pair, kernel_size: Pair, stride: Pair, dilation: Pair = (1, 1)
) -> Sides:
    """Return ``(top, bottom, left, right)`` for any spelling of padding.

    `size` is the ``(height, width)`` of the image."""
    if type(padding) is int and 0 <= padding < 2**31:
        return padding, padding, padding, padding
    if isinstance(padding, str):
        if choice("padding", padding, ("same", "valid")) == "valid":
            return 0, 0, 0, 0
        return (
            *_core.same_padding(size[0], kernel_size[0], stride[0], dilation[0]),
            *_core.same_padding(size[1], kernel_size[1], stride[1], dilation[1]),
        )
    if (
        type(padding) is tuple
        and len(padding) == 2
        and type(padding[0]) is type(padding[1]) is tuple
    ):
        vertical, horizontal = padding
        if len(vertical) == len(horizontal) == 2:
            return (*pair("padding", vertical, 0), *pair("padding", horizontal, 0))
    if is_sequence(padding):
        items = tuple(padding)
        if (
            len(items) == 2
            and is_sequence(items[0])
            and is_sequence(items[1])
            and len(items[0]) == len(items[1]) == 2
        ):
            return (*pair("padding", items[0], 0), *pair("padding", items[1], 0))
        if len(items) != 2 or is_sequence(items[0]) or is_sequence(items[1]):
            forms = "an integer, (height, width), ((top, bottom), (left, right)), 'same' or 'valid'"
            raise ShapeError(f"padding: expected {forms}, got {padding!r}")
    vertical, horizontal = pair("padding", padding, 0)
    return vertical, vertical, horizontal, horizontal


def output_sizes(
    size: Pair,
    kernel_size: Pair,
    stride: Pair,
    sides: Sides,
    dilation: Pair = (1, 1),
    rounding: str = "floor",
) -> Pair:
    """Return ``(height, width)`` of the output; an error says which of the two does not fit."""
    if rounding not in ROUNDINGS:
        choice("rounding", rounding, ROUNDINGS)
    axis = "height"
    try:
        height = _core.output_size(
            size[0], kernel_size[0], stride[0], sides[0], sides[1], dilation[0], rounding
        )
        axis = "width"
        width = _core.output_size(
            size[1], kernel_size[1], stride[1], sides[2], sides[3], dilation[1], rounding
        )
    except ShapeError as error:
        raise ShapeError(f"{axis}: {error}") from None
    return height, width
