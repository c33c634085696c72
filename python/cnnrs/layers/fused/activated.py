"""ReLU in the kernel of the preceding layer: after weights, batch normalisation or a sum."""

from __future__ import annotations

from typing import Any

from cnnrs import ops
from cnnrs.layers.activation import ReLU
from cnnrs.layers.context import Context
from cnnrs.layers.facts import Memory
from cnnrs.layers.fused.base import Fused
from cnnrs.layers.fused.folded import Folded
from cnnrs.layers.linear import Linear
from cnnrs.layers.merge import Add
from cnnrs.layers.normalization import BatchNorm

__all__ = ["AddReLU", "BatchNormReLU", "LinearReLU"]


class LinearReLU(Fused):
    """A convolution or dense layer whose kernel applies ReLU to its output."""

    memory = Memory(writes_gradient=True)
    first: Linear | Folded

    def __init__(self, first: Linear | Folded, second: ReLU) -> None:
        super().__init__(first, second)

    def compute(self, ctx: Context, x: Any, **fused: Any) -> Any:
        """Compute the output, with further arguments of the kernel."""
        return self.first.compute(ctx, x, activation="relu", **fused)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Compute the output of a batch."""
        y = self.first.compute(ctx, x, activation="relu")
        ctx.save(x=x, y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Compute the gradients where the output is above 0."""
        return self.first.differentiate(ctx, grad_output, activation_output=ctx.saved.y)


class BatchNormReLU(Fused):
    """Batch normalisation whose kernel applies ReLU to its output."""

    memory = Memory(in_place=True, writes_gradient=True)
    first: BatchNorm

    def __init__(self, first: BatchNorm, second: ReLU) -> None:
        super().__init__(first, second)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Normalise, and apply ReLU."""
        return self.first.compute(ctx, x, activation="relu")

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Compute the gradients where the output is above 0."""
        return self.first.differentiate(ctx, grad_output, activation="relu")


class AddReLU(Fused):
    """A sum whose kernel applies ReLU to its output."""

    memory = Memory(saves_input=False, sums_inputs=True, writes_gradient=True)
    first: Add

    def __init__(self, first: Add, second: ReLU) -> None:
        super().__init__(first, second)

    def forward(self, ctx: Context, *x: Any) -> Any:
        """Add, and apply ReLU."""
        y = self.first.compute(ctx, x, activation="relu")
        ctx.save(y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Pass the gradient to every input where the output is above 0."""
        ops.relu_backward(grad_output, ctx.saved.y, out=grad_output)
        return self.first.backward(ctx, grad_output)
