"""Layers that change the shape of their input, or the order of its axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnrs import _arguments, _renamed
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.layers import spellings
from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.facts import Facts, Memory
from cnnrs.layers.node import Shape, shape_text

__all__ = ["Flatten", "Permute", "Reshape"]


class Flatten(Layer):
    """Turn images into vectors, rows first, channels last: used before `Dense`.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((4, 4, 3), [Flatten()]).output_shape
    (48,)
    """

    memory = Memory(saves_input=False, saves_output=False, view=True)
    facts = Facts(non_negative="keeps")
    head = "keeps"

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Return the number of values."""
        return (math.prod(input_shape),)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Return the values as vectors."""
        ctx.save(shape=x.shape)
        return x.reshape(len(x), -1)

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Return the gradient in the shape of the input."""
        return grad_output.reshape(ctx.saved.shape)


@_renamed.keywords(spellings.ARGUMENTS)
class Reshape(Layer):
    """Change the shape of each sample; its values keep their order.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of one sample. One size may be -1: it follows from the others.
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((12,), [Reshape((2, -1, 3))]).output_shape
    (2, 2, 3)
    """

    memory = Memory(saves_input=False, saves_output=False, view=True)
    facts = Facts(non_negative="keeps")

    def __init__(self, shape: int | Sequence[int], *, name: str | None = None) -> None:
        super().__init__(name=name)
        sizes = tuple(shape) if _arguments.is_sequence(shape) else (shape,)  # type: ignore[arg-type]
        self.shape = tuple(
            -1 if type(size) is int and size == -1 else _arguments.size("shape", size, 1)
            for size in sizes
        )
        if not self.shape or self.shape.count(-1) > 1:
            raise ShapeError(
                f"shape: expected sizes of at least 1, at most one of them -1, got {shape!r}"
            )

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Return the given shape, with the open size filled in."""
        size, known = math.prod(input_shape), math.prod(item for item in self.shape if item != -1)
        left = size // known if -1 in self.shape else 1
        if known * left != size or left == 0:
            raise ShapeError(
                f"shape: {shape_text(input_shape)} has {size} values, which do not fit into "
                f"{self.shape}"
            )
        return tuple(left if item == -1 else item for item in self.shape)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Return the values in the given shape."""
        ctx.save(shape=x.shape)
        return x.reshape(len(x), *self.build(x.shape[1:]))

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Return the gradient in the shape of the input."""
        return grad_output.reshape(ctx.saved.shape)


@_renamed.keywords(spellings.ARGUMENTS)
class Permute(Layer):
    """Change the order of the axes of each sample.

    Parameters
    ----------
    axes : sequence of int
        For each axis of the output, the number of the axis of the input. As in the arrays, axis 0
        is the batch, which stays first: the axes of an image are 1, 2 and 3.
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((32, 24, 3), [Permute((3, 1, 2))]).output_shape
    (3, 32, 24)
    """

    memory = Memory(saves_input=False, saves_output=False)
    facts = Facts(non_negative="keeps")

    def __init__(self, axes: Sequence[int], *, name: str | None = None) -> None:
        super().__init__(name=name)
        items = tuple(axes) if _arguments.is_sequence(axes) else (axes,)
        self.axes = tuple(_arguments.integer("axes", axis, 1) for axis in items)
        if sorted(self.axes) != list(range(1, len(self.axes) + 1)):
            raise ArgumentError(f"axes: expected each of 1 to {len(self.axes)} once, got {axes!r}")

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Return the sizes in the new order."""
        if len(self.axes) != len(input_shape):
            raise ShapeError(
                f"axes: {len(self.axes)} axes for an input of {shape_text(input_shape)}"
            )
        return tuple(input_shape[axis - 1] for axis in self.axes)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Copy the values in the new order of axes."""
        y = ctx.out()
        np.copyto(y, x.transpose(0, *self.axes))
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Return the gradient in the old order of axes."""
        return grad_output.transpose(np.argsort((0, *self.axes)))
