"""Sizes of windows over images, as the layers need them; the formulas themselves are those of
`cnnrs.ops`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnrs.errors import ShapeError
from cnnrs.layers.node import Shape, shape_text
from cnnrs.ops.geometry import output_sizes, padding_sides

if TYPE_CHECKING:
    from cnnrs._arguments import PaddingLike, Pair, Sides
    from cnnrs.layers.base import Layer

__all__ = ["check_image", "output_size", "sides"]


def check_image(layer: Layer, input_shape: Shape) -> tuple[int, int, int]:
    """Height, width and channels of an input that must be an image."""
    if len(input_shape) != 3:
        raise ShapeError(
            f"{type(layer).__name__} needs images of shape height x width x channels, got "
            f"{shape_text(input_shape)}"
        )
    height, width, channels = input_shape
    return height, width, channels


def output_size(
    size: Pair, kernel_size: Pair, stride: Pair, padding: PaddingLike, dilation: Pair, rounding: str
) -> Pair:
    """``(W - K + 2P) / S + 1`` in both directions."""
    return output_sizes(
        size,
        kernel_size,
        stride,
        padding_sides(padding, size, kernel_size, stride, dilation),
        dilation,
        rounding,
    )


def sides(
    size: Pair, kernel_size: Pair, stride: Pair, padding: PaddingLike, dilation: Pair
) -> Sides:
    """The padding as ``(top, bottom, left, right)``."""
    return padding_sides(padding, size, kernel_size, stride, dilation)
