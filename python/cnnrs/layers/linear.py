"""What `Conv2D` and `Dense` share: a weight, a bias and an activation that the kernel can apply to its own output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnrs import _arguments, ops
from cnnrs.initializers import Initializer
from cnnrs.initializers import get as get_initializer
from cnnrs.layers.base import Layer, Traits
from cnnrs.layers.context import Context

__all__ = ["Linear"]

ACTIVATIONS = ("relu", "sigmoid", "tanh")


class Linear(Layer):
    """Base class of layers ``y = activation(x · weight + bias)``."""

    def __init__(
        self,
        use_bias: bool,
        activation: str | None,
        weight_initializer: str | Mapping[str, Any] | Initializer | None,
        bias_initializer: str | Mapping[str, Any] | Initializer,
        name: str | None,
    ) -> None:
        super().__init__(name=name)
        self.use_bias = bool(use_bias)
        self.activation = _arguments.choice("activation", activation, (None, *ACTIVATIONS))
        self.weight_initializer = None if weight_initializer is None else get_initializer(weight_initializer)
        self.bias_initializer = get_initializer(bias_initializer)
        self.traits = Traits(
            saves_output=activation is not None,
            writes_gradient=activation is not None,
            folds=activation is None,
            fuses=("relu",) if activation is None else (),
            non_negative="always" if activation in ("relu", "sigmoid") else "never",
        )

    def add_linear_parameters(self, weight_shape: tuple[int, ...]) -> None:
        """Declare weight and bias; the last axis of the weight is that of the outputs."""
        self.add_parameter("weight", weight_shape, self.weight_initializer)
        if self.use_bias:
            self.add_parameter("bias", weight_shape[-1:], self.bias_initializer)

    def operands(self, ctx: Context) -> tuple[Any, Any]:
        """Weight and bias (None without one) as the kernel is to use them."""
        if ctx.weights is not None:
            return ctx.weights()
        return self.weight, self.bias if self.use_bias else None

    def fold(self, scale: Any, shift: Any) -> tuple[Any, Any]:
        """``(x · weight + bias) · scale + shift`` is ``x · (weight · scale) + (bias · scale + shift)``: the last axis is the channel."""
        weight = self.parameters["weight"].peek()
        bias = scale * self.parameters["bias"].peek() + shift if self.use_bias else shift
        return (weight * scale).astype(weight.dtype), bias.astype(weight.dtype)

    def fused(self, ctx: Context) -> str | None:
        """The activation that the kernel applies itself."""
        return "relu" if "relu" in (ctx.activation, self.activation) else None

    def finish(self, ctx: Context, x: Any, y: Any) -> Any:
        """Apply an activation that the kernel does not know, and save what ``backward`` needs."""
        if self.activation == "sigmoid":
            ops.sigmoid(y, out=y)
        elif self.activation == "tanh":
            ops.tanh(y, out=y)
        ctx.save(x=x, y=y)
        return y

    def start_backward(self, ctx: Context, grad_output: Any) -> tuple[Any, Any]:
        """The gradient in front of the activation, and the output by which the kernel still has to mask it (None if it has not)."""
        y = ctx.saved.y
        if self.fused(ctx):
            return grad_output, y
        if self.activation == "sigmoid":
            return ops.sigmoid_backward(grad_output, y, out=grad_output), None
        if self.activation == "tanh":
            return ops.tanh_backward(grad_output, y, out=grad_output), None
        return grad_output, None
