"""Base class of fused layers, and the mark of a layer that need not run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import DTypeLike

from cnnrs.layers.base import Layer, trains
from cnnrs.layers.facts import Work
from cnnrs.layers.node import Shape
from cnnrs.layers.parameter import Parameter

__all__ = ["Alias", "Fused"]


class Fused(Layer):
    """Base class of layers that run two layers in one step; a subclass defines the passes.

    It has the parameters of both layers: ``ctx.parameter("weight")`` is the weight of the first,
    ``ctx.parameter("second.weight")`` the weight of the second.

    Parameters
    ----------
    first, second : Layer
        `first` may itself be fused.
    """

    def __init__(self, first: Layer, second: Layer) -> None:
        super().__init__()
        self.first = first
        self.second = second
        self.prefix = "second."
        while any(self.prefix + name in first.parameters for name in second.parameters):
            self.prefix += "second."
        self.parameters: dict[str, Parameter] = {
            **first.parameters,
            **{self.prefix + name: value for name, value in second.parameters.items()},
        }
        self.trainable = trains(first) or trains(second)

    def build(self, *input_shape: Shape) -> Shape:
        """Return the shape of the output of the second layer."""
        return self.second.build(self.first.build(*input_shape))

    def scratch(self, *input_shape: Shape) -> dict[str, tuple[Shape, DTypeLike | None]]:
        """Ask for the arrays of the first layer."""
        return self.first.scratch(*input_shape)

    def work(self, *input_shape: Shape) -> Work:
        """Return the work of both layers, with the kernels of the first."""
        work = self.first.work(*input_shape)
        further = self.second.work(self.first.build(*input_shape)).multiply_adds
        return replace(work, multiply_adds=work.multiply_adds + further)


class Alias(Layer):
    """The mark of a layer that need not run: its output is its input, perhaps in another shape.

    Parameters
    ----------
    reason : str
        Shown by ``model.plan()``; empty for layers that compute nothing in any run.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__()
        self.reason = reason

    def forward(self, ctx: Any, *x: Any) -> Any:
        """Return the input."""
        return x[0]
