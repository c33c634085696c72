"""Layers that only give their input another shape."""

from __future__ import annotations

import math
from typing import Any

from cnnrs.layers.base import Layer, Traits
from cnnrs.layers.context import Context
from cnnrs.layers.node import Shape

__all__ = ["Flatten"]


class Flatten(Layer):
    """Turn an image into a vector, rows first, channels last; a layer in front of `Dense`.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((4, 4, 3), [Flatten()]).output_shape
    (48,)
    """

    traits = Traits(saves_input=False, saves_output=False, view=True, non_negative="keeps")

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """One number for all sizes."""
        return (math.prod(input_shape),)

    def forward(self, ctx: Context, x: Any) -> Any:
        """The same values as vectors."""
        ctx.save(shape=x.shape)
        return x.reshape(len(x), -1)

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """The same gradients as images."""
        return grad_output.reshape(ctx.saved.shape)
