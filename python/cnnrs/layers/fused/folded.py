"""Layers folded into the weights of the preceding layer, for prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.facts import Work
from cnnrs.layers.fused.base import Fused
from cnnrs.layers.linear import Linear, Operands
from cnnrs.layers.node import Shape

__all__ = ["Affine", "Folded"]


class Affine(Protocol):
    """A layer that in prediction multiplies each channel by a factor and adds a summand."""

    def scale_and_shift(self, read: Callable[[str], Any]) -> tuple[Any, Any]: ...


class Folded(Fused):
    """Weights into which the following layer is folded; used in prediction.

    Parameters
    ----------
    first : Linear
    second : Layer
        A layer with a method ``scale_and_shift(read)``, which returns factor and summand of each
        channel in float64; ``read(name)`` returns the values of a parameter.
    """

    first: Linear

    def __init__(self, first: Linear, second: Layer) -> None:
        super().__init__(first, second)

    def compute(self, ctx: Context, x: Any, **fused: Any) -> Any:
        """Compute the output from the folded weights, with further arguments of the kernel."""
        fold = ctx.once("fold", self._fold, ctx)
        return self.first.compute(ctx, x, fold=fold, **fused)

    def _fold(self, ctx: Context) -> Callable[[], Operands]:
        """Return the function that folds the second layer into the weights of the first."""

        def fold() -> Operands:
            second: Any = self.second
            scale, shift = second.scale_and_shift(lambda name: ctx.parameter(self.prefix + name))
            return self.first.fold(ctx.parameter, scale, shift)

        return fold

    def forward(self, ctx: Context, x: Any) -> Any:
        """Compute the output of a batch."""
        return self.compute(ctx, x)

    def work(self, *input_shape: Shape) -> Work:
        """Return the work of the first layer, and the number of folded values."""
        values = sum(parameter.size for parameter in self.first.parameters.values())
        return replace(self.first.work(*input_shape), folded=values)
