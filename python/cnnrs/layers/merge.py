"""Layers that join branches of a graph."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnrs import ops
from cnnrs.errors import ShapeError
from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.facts import Facts, Memory, Work
from cnnrs.layers.node import Shape, shape_text

__all__ = ["Add", "Concat", "Multiply"]


def _check_several(layer: Layer, shapes: tuple[Shape, ...]) -> None:
    if len(shapes) < 2:
        raise ShapeError(
            f"{type(layer).__name__} joins at least two inputs, got {len(shapes)}; call it on a "
            "list of nodes"
        )


def _check_equal(layer: Layer, shapes: tuple[Shape, ...]) -> Shape:
    _check_several(layer, shapes)
    if len(set(shapes)) > 1:
        raise ShapeError(
            f"{type(layer).__name__} needs inputs of one shape, got "
            f"{' and '.join(map(shape_text, shapes))}"
        )
    return shapes[0]


class Add(Layer):
    """Add inputs of equal shape: the end of a residual branch.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun: Deep Residual Learning for Image Recognition. CVPR 2016.

    Examples
    --------
    >>> import cnnrs
    >>> x = cnnrs.Input((2,))
    >>> cnnrs.Model(x, Add()([x, x]))([[1.0, 2.0]]).tolist()
    [[2.0, 4.0]]
    """

    memory = Memory(saves_input=False, saves_output=False, sums_inputs=True)
    facts = Facts(non_negative="keeps")

    def build(self, *input_shape: Shape) -> Shape:
        """Return the shape that all inputs have."""
        return _check_equal(self, input_shape)

    def forward(self, ctx: Context, *x: Any) -> Any:
        """Add from left to right."""
        return self.compute(ctx, x)

    def compute(self, ctx: Context, x: tuple[Any, ...], activation: str | None = None) -> Any:
        """Add from left to right, with an activation of the sum."""
        y = ops.add(x[0], x[1], activation=activation if len(x) == 2 else None, out=ctx.out())
        for position, more in enumerate(x[2:], start=3):
            ops.add(y, more, activation=activation if position == len(x) else None, out=y)
        ctx.save(count=len(x))
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Pass the gradient to every input, without a copy where the plan shares the buffer."""
        return tuple(_pass_on(ctx, index, grad_output) for index in range(ctx.saved.count))


class Multiply(Layer):
    """Multiply inputs of equal shape element by element.

    Examples
    --------
    >>> import cnnrs
    >>> x = cnnrs.Input((2,))
    >>> cnnrs.Model(x, Multiply()([x, x]))([[3.0, 2.0]]).tolist()
    [[9.0, 4.0]]
    """

    memory = Memory(saves_output=False)
    facts = Facts(non_negative="keeps")

    def build(self, *input_shape: Shape) -> Shape:
        """Return the shape that all inputs have."""
        return _check_equal(self, input_shape)

    def forward(self, ctx: Context, *x: Any) -> Any:
        """Multiply from left to right."""
        y = np.multiply(x[0], x[1], out=ctx.out())
        for more in x[2:]:
            y *= more
        ctx.save(x=x)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Multiply the gradient by the product of the other inputs."""
        x = ctx.saved.x
        gradients = []
        for index in range(len(x)):
            gradient = None
            if ctx.needs_input_gradient(index):
                gradient = grad_output
                for other in x[:index] + x[index + 1 :]:
                    gradient = gradient * other
            gradients.append(gradient)
        return tuple(gradients)

    def work(self, *input_shape: Shape) -> Work:
        """Return the number of products: one less than inputs for each element."""
        return Work((len(input_shape) - 1) * math.prod(input_shape[0]))


class Concat(Layer):
    """Concatenate inputs along the last axis, the channels.

    Examples
    --------
    >>> import cnnrs
    >>> x = cnnrs.Input((2,))
    >>> cnnrs.Model(x, Concat()([x, x]))([[1.0, 2.0]]).tolist()
    [[1.0, 2.0, 1.0, 2.0]]
    """

    memory = Memory(saves_input=False, saves_output=False)
    facts = Facts(non_negative="keeps")

    def build(self, *input_shape: Shape) -> Shape:
        """Add the last sizes; the others must agree."""
        _check_several(self, input_shape)
        if len({shape[:-1] for shape in input_shape}) > 1:
            raise ShapeError(
                "Concat needs inputs that differ in the last size only, got "
                f"{' and '.join(map(shape_text, input_shape))}"
            )
        return (*input_shape[0][:-1], sum(shape[-1] for shape in input_shape))

    def forward(self, ctx: Context, *x: Any) -> Any:
        """Concatenate the inputs."""
        ctx.save(sizes=[part.shape[-1] for part in x])
        return np.concatenate(x, axis=-1, out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Split the gradient."""
        ends = np.cumsum(ctx.saved.sizes)[:-1]
        return tuple(
            _pass_on(ctx, index, part)
            for index, part in enumerate(np.split(grad_output, ends, axis=-1))
        )


def _pass_on(ctx: Context, index: int, gradient: Any) -> Any:
    """Write a gradient to the gradient of an input, unless both are one array."""
    if not ctx.needs_input_gradient(index):
        return None
    to = ctx.input_destination(index)
    out = to["out"]
    if out is gradient:
        return out
    if not to["accumulate"]:
        np.copyto(out, gradient)
    elif gradient.flags.c_contiguous:
        ops.add(gradient, out, out=out)
    else:
        out += gradient
    return out
