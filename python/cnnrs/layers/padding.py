"""Layers that add a border of zeros to images, cut off a border, or add channels of zeros."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnrs import _arguments, _renamed
from cnnrs._arguments import PaddingLike, Sides
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.layers import spellings
from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.facts import Facts, FieldOfView, Memory
from cnnrs.layers.geometry import check_image, sides
from cnnrs.layers.node import Shape, shape_text

__all__ = ["Crop2D", "ZeroPad2D", "ZeroPadChannels"]


def _sides(name: str, value: PaddingLike) -> Sides:
    """Return ``(top, bottom, left, right)`` of an int, a pair or four sides."""
    if isinstance(value, str):
        raise ArgumentError(
            f"{name}: expected an integer, (height, width) or ((top, bottom), (left, right)), got "
            f"{value!r}"
        )
    return sides((1, 1), (1, 1), (1, 1), value, (1, 1))


def _inner(border: Sides, height: int, width: int) -> tuple[slice, slice, slice]:
    """Return the part of a batch of images inside a border."""
    return slice(None), slice(border[0], height - border[1]), slice(border[2], width - border[3])


@_renamed.keywords(spellings.ARGUMENTS)
class ZeroPad2D(Layer):
    """Add a border of zeros to images.

    Parameters
    ----------
    padding : int, (height, width) or ((top, bottom), (left, right))
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((5, 5, 3), [ZeroPad2D(((0, 1), (2, 0)))]).output_shape
    (6, 7, 3)
    """

    memory = Memory(saves_input=False, saves_output=False)
    facts = Facts(non_negative="keeps")

    def __init__(self, padding: PaddingLike = 1, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self._border = _sides("padding", padding)
        self.padding = _arguments.padding("padding", padding)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Add the border to height and width."""
        height, width, channels = check_image(self, input_shape)
        top, bottom, left, right = self._border
        return top + height + bottom, left + width + right, channels

    def field_of_view(self, input_shape: Shape) -> FieldOfView:
        """Return one pixel, moved by the border."""
        return FieldOfView(padding=self._border)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Copy the image and fill the border with zeros."""
        y = ctx.out()
        inner = _inner(self._border, y.shape[1], y.shape[2])
        y[:, : inner[1].start] = 0
        y[:, inner[1].stop :] = 0
        y[:, inner[1], : inner[2].start] = 0
        y[:, inner[1], inner[2].stop :] = 0
        y[inner] = x
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Return the gradient without the border."""
        return grad_output[_inner(self._border, grad_output.shape[1], grad_output.shape[2])]


@_renamed.keywords(spellings.ARGUMENTS)
class Crop2D(Layer):
    """Cut off the border of images.

    Parameters
    ----------
    cropping : int, (height, width) or ((top, bottom), (left, right))
        Number of pixels to cut off at each side.
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((64, 64, 512), [Crop2D(4)]).output_shape
    (56, 56, 512)
    """

    memory = Memory(saves_input=False, saves_output=False)
    facts = Facts(non_negative="keeps")

    def __init__(self, cropping: PaddingLike = 1, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self._border = _sides("cropping", cropping)
        self.cropping = _arguments.padding("cropping", cropping)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Subtract the border from height and width."""
        height, width, channels = check_image(self, input_shape)
        top, bottom, left, right = self._border
        if top + bottom >= height or left + right >= width:
            raise ShapeError(
                f"cropping: {self.cropping!r} leaves nothing of {shape_text(input_shape)}"
            )
        return height - top - bottom, width - left - right, channels

    def field_of_view(self, input_shape: Shape) -> FieldOfView:
        """Return one pixel, moved by the border."""
        top, bottom, left, right = self._border
        return FieldOfView(padding=(-top, -bottom, -left, -right))

    def forward(self, ctx: Context, x: Any) -> Any:
        """Copy the image without its border."""
        y = ctx.out()
        np.copyto(y, x[_inner(self._border, x.shape[1], x.shape[2])])
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Write the gradient inside a border of zeros."""
        to = ctx.input_destination()
        gradient = to["out"]
        if not to["accumulate"]:
            gradient.fill(0)
        gradient[_inner(self._border, gradient.shape[1], gradient.shape[2])] += grad_output
        return gradient


@_renamed.keywords(spellings.ARGUMENTS)
class ZeroPadChannels(Layer):
    """Add channels of zeros before and after the channels of the input.

    After pooling with a stride, this is the shortcut without parameters of residual networks.

    Parameters
    ----------
    before, after : int
        Number of channels to add.
    name : str, optional

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun: Deep Residual Learning for Image Recognition. CVPR 2016 (option
    A).

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [ZeroPadChannels(1, 2)])([[5.0, 6.0]]).tolist()
    [[0.0, 5.0, 6.0, 0.0, 0.0]]
    """

    memory = Memory(saves_input=False, saves_output=False)
    facts = Facts(non_negative="keeps")

    def __init__(self, before: int = 0, after: int = 0, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.before = _arguments.integer("before", before)
        self.after = _arguments.integer("after", after)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Add the channels to the last size."""
        return (*input_shape[:-1], self.before + input_shape[-1] + self.after)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Copy the channels and fill the others with zeros."""
        y = ctx.out()
        end = self.before + x.shape[-1]
        y[..., : self.before] = 0
        y[..., end:] = 0
        y[..., self.before : end] = x
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Return the gradient of the channels of the input."""
        return grad_output[..., self.before : grad_output.shape[-1] - self.after]
