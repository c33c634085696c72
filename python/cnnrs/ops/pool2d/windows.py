"""Sizes of pooling windows, checked.

Padding is at most half the window. ``stride=None`` means the kernel size. With ``rounding="ceil"``
a last window may extend beyond the border if it starts inside the image or the padding before it.
"""

from typing import Any, TypeAlias

from cnnrs._arguments import Pair, Sides, pair, shape_of
from cnnrs.errors import ShapeError
from cnnrs.ops.geometry import output_sizes, padding_sides

Window: TypeAlias = tuple[Pair, Pair, Sides]  # kernel size, stride, padding


def pool_geometry(
    shape: Any, kernel_size: Any, stride: Any, padding: Any, rounding: str
) -> tuple[Window, tuple[int, ...]]:
    """Return the window and the shape of the output."""
    kernel = pair("kernel_size", kernel_size)
    step = kernel if stride is None else pair("stride", stride)
    size = (shape[1], shape[2])
    sides = padding_sides(padding, size, kernel, step)
    if 2 * max(sides[0], sides[1]) > kernel[0] or 2 * max(sides[2], sides[3]) > kernel[1]:
        raise ShapeError(f"padding: expected at most half of the window {kernel}, got {padding!r}")
    height, width = output_sizes(size, kernel, step, sides, (1, 1), rounding)
    return (kernel, step, sides), (shape[0], height, width, shape[3])


def image_shape(input_shape: Any) -> tuple[int, ...]:
    """Return the shape of a batch of images, of which only the number may be 0."""
    shape = shape_of("input_shape", input_shape, 4, "(n, height, width, channels)")
    if 0 in shape[1:]:
        raise ShapeError(
            "input_shape: expected a height, width and number of channels of at least 1, got "
            f"{shape}"
        )
    return shape


def expect_output(name: str, array: Any, shape: tuple[int, ...]) -> None:
    """Check that an array has the shape of the output."""
    if array.shape != shape:
        raise ShapeError(f"{name}: expected the output's shape {shape}, got {array.shape}")
