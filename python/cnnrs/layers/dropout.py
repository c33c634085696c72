"""Dropout: noise that keeps a network from relying on single activations."""

from __future__ import annotations

from typing import Any

from cnnrs import _arguments, ops
from cnnrs.errors import ArgumentError
from cnnrs.layers.base import Layer, Traits
from cnnrs.layers.context import Context
from cnnrs.layers.node import Shape

__all__ = ["Dropout"]


class Dropout(Layer):
    """Set a random part of the activations to zero in training, and multiply the others by ``1 / (1 - rate)``.

    In prediction the output is the input, bit for bit. The mask is a function of seed, layer and step alone.

    Parameters
    ----------
    rate : float
        Probability of becoming zero, ``0 <= rate < 1``.
    name : str, optional

    Raises
    ------
    ArgumentError
        For a rate out of range.

    References
    ----------
    N. Srivastava et al.: Dropout: A Simple Way to Prevent Neural Networks from Overfitting. JMLR 15, 2014.

    Examples
    --------
    >>> import cnnrs
    >>> model = cnnrs.Sequential((3,), [Dropout(0.5)])
    >>> model([[1.0, 2.0, 3.0]]).tolist()
    [[1.0, 2.0, 3.0]]
    """

    traits = Traits(saves_input=False, saves_output=False, in_place=True, identity_in_prediction=True, non_negative="keeps")

    def __init__(self, rate: float = 0.5, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.rate = _arguments.number("rate", rate, 0, 1)
        if self.rate == 1:
            raise ArgumentError("rate: expected 0 <= rate < 1, got 1; nothing would be left")

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """The shape stays."""
        return input_shape

    def forward(self, ctx: Context, x: Any) -> Any:
        """Zero some activations."""
        if not ctx.training:
            return x
        return ops.dropout(x, self.rate, seed=ctx.seed, stream=ctx.stream, step=ctx.step, out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """The same mask on the gradient."""
        return ops.dropout(grad_output, self.rate, seed=ctx.seed, stream=ctx.stream, step=ctx.step, out=ctx.out())
