"""Layers that join several branches of a graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnrs import ops
from cnnrs.errors import ShapeError
from cnnrs.layers.base import Layer, Traits
from cnnrs.layers.context import Context
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
    """The sum of its inputs, which have one shape: the end of a residual branch.

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

    traits = Traits(
        saves_input=False,
        saves_output=False,
        sums_inputs=True,
        fuses=("relu",),
        non_negative="keeps",
    )

    def build(self, *input_shape: Shape) -> Shape:
        """The shape stays."""
        return _check_equal(self, input_shape)

    def forward(self, ctx: Context, *x: Any) -> Any:
        """The sum, from left to right."""
        y = ops.add(x[0], x[1], activation=ctx.activation if len(x) == 2 else None, out=ctx.out())
        for position, more in enumerate(x[2:], start=3):
            ops.add(y, more, activation=ctx.activation if position == len(x) else None, out=y)
        ctx.save(count=len(x), y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Every input gets the whole gradient; where the plan lets them share one array, nothing is
        copied.
        """
        if ctx.activation is not None:
            ops.relu_backward(grad_output, ctx.saved.y, out=grad_output)
        return tuple(_pass_on(ctx, index, grad_output) for index in range(ctx.saved.count))


class Multiply(Layer):
    """The product of its inputs, element by element; they have one shape.

    Examples
    --------
    >>> import cnnrs
    >>> x = cnnrs.Input((2,))
    >>> cnnrs.Model(x, Multiply()([x, x]))([[3.0, 2.0]]).tolist()
    [[9.0, 4.0]]
    """

    traits = Traits(saves_output=False, non_negative="keeps")

    def build(self, *input_shape: Shape) -> Shape:
        """The shape stays."""
        return _check_equal(self, input_shape)

    def forward(self, ctx: Context, *x: Any) -> Any:
        """The product."""
        y = np.multiply(x[0], x[1], out=ctx.out())
        for more in x[2:]:
            y *= more
        ctx.save(x=x)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Every input gets the gradient times the product of the others."""
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

    def multiplications_per_output(self, *input_shape: Shape) -> int:
        """One less than there are inputs."""
        return len(input_shape) - 1


class Concat(Layer):
    """Its inputs side by side along the last axis: channels of one image after those of the other.

    Examples
    --------
    >>> import cnnrs
    >>> x = cnnrs.Input((2,))
    >>> cnnrs.Model(x, Concat()([x, x]))([[1.0, 2.0]]).tolist()
    [[1.0, 2.0, 1.0, 2.0]]
    """

    traits = Traits(saves_input=False, saves_output=False, non_negative="keeps")

    def build(self, *input_shape: Shape) -> Shape:
        """The last sizes add up; the others must agree."""
        _check_several(self, input_shape)
        if len({shape[:-1] for shape in input_shape}) > 1:
            raise ShapeError(
                "Concat needs inputs that differ in the last size only, got "
                f"{' and '.join(map(shape_text, input_shape))}"
            )
        return (*input_shape[0][:-1], sum(shape[-1] for shape in input_shape))

    def forward(self, ctx: Context, *x: Any) -> Any:
        """The inputs side by side."""
        ctx.save(sizes=[part.shape[-1] for part in x])
        return np.concatenate(x, axis=-1, out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Every input gets its part of the gradient."""
        ends = np.cumsum(ctx.saved.sizes)[:-1]
        return tuple(
            _pass_on(ctx, index, part)
            for index, part in enumerate(np.split(grad_output, ends, axis=-1))
        )


def _pass_on(ctx: Context, index: int, gradient: Any) -> Any:
    """Put a gradient where that of an input belongs, if it is not there already."""
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
