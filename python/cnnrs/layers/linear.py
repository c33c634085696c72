"""What `Conv2D`, `Dense` and their kin share: a weight, a bias, and an activation that may be given
by name.

The kernels apply ReLU to their own output. Other activations run over it in place; those whose
derivative is written in their input have that kept in an array beside the output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from cnnrs import _arguments
from cnnrs.initializers import Initializer
from cnnrs.initializers import get as get_initializer
from cnnrs.layers.base import Layer, Traits
from cnnrs.layers.context import Context
from cnnrs.layers.node import Shape
from cnnrs.ops.activation_names import ACTIVATIONS

__all__ = ["Linear"]


class Linear(Layer):
    """Base class of layers ``y = activation(x · weight + bias)``.

    Attributes
    ----------
    kernel_activations : tuple of str
        Those that the kernel applies to its own output.
    """

    kernel_activations: tuple[str, ...] = ("relu",)

    def __init__(
        self,
        use_bias: bool,
        activation: str | None,
        weight_initializer: str | Mapping[str, Any] | Initializer | None,
        bias_initializer: str | Mapping[str, Any] | Initializer,
        name: str | None,
    ) -> None:
        super().__init__(name=name)
        self.use_bias = _arguments.flag("use_bias", use_bias)
        self.activation = _arguments.choice("activation", activation, (None, *ACTIVATIONS))
        self.weight_initializer = (
            None if weight_initializer is None else get_initializer(weight_initializer)
        )
        self.bias_initializer = get_initializer(bias_initializer)
        known = None if activation is None else ACTIVATIONS[activation]
        self.traits = Traits(
            saves_output=known is not None and known.reads_output,
            writes_gradient=known is not None,
            folds=known is None and bool(self.kernel_activations),
            fuses=self.kernel_activations if known is None else (),
            non_negative="always" if known is not None and known.non_negative else "never",
        )

    def scratch(self, *input_shape: Shape) -> dict[str, tuple[Shape, DTypeLike | None]]:
        """The output in front of the activation, where the derivative is written in that."""
        if self.activation is None or ACTIVATIONS[self.activation].reads_output:
            return {}
        return {"before_activation": (self.build(*input_shape), None)}

    def add_linear_parameters(self, weight_shape: tuple[int, ...]) -> None:
        """Declare weight and bias; the last axis of the weight is that of the outputs."""
        self.add_parameter("weight", weight_shape, self.weight_initializer)
        self.add_bias(weight_shape[-1])

    def add_bias(self, outputs: int) -> None:
        """Declare the bias, if there is one."""
        if self.use_bias:
            self.add_parameter("bias", (outputs,), self.bias_initializer)

    def operands(self, ctx: Context) -> tuple[Any, Any]:
        """Weight and bias (None without one) as the kernel is to use them."""
        if ctx.weights is not None:
            return ctx.weights()
        return self.own("weight"), self.own("bias") if self.use_bias else None

    def own(self, name: str) -> Any:
        """A parameter's values, for a kernel that only reads them."""
        return self.parameters[name].peek()

    def fold(self, scale: Any, shift: Any) -> tuple[Any, Any]:
        """``(x · weight + bias) · scale + shift`` is ``x · (weight · scale) + (bias · scale +
        shift)``: the last axis is the channel.
        """
        weight = self.parameters["weight"].peek()
        bias = scale * self.parameters["bias"].peek() + shift if self.use_bias else shift
        return np.multiply(
            weight, scale, out=np.empty_like(weight), casting="same_kind"
        ), bias.astype(weight.dtype)

    def fused(self, ctx: Context) -> str | None:
        """The activation that the kernel applies itself."""
        for name in (ctx.activation, self.activation):
            if name in self.kernel_activations:
                return name
        return None

    def finish(self, ctx: Context, x: Any, y: Any) -> Any:
        """Apply an activation that the kernel does not know, and save what ``backward`` needs."""
        saved = y
        if self.activation is not None and not self.fused(ctx):
            known = ACTIVATIONS[self.activation]
            if ctx.training and not known.reads_output:
                saved = ctx.scratch("before_activation")
                np.copyto(saved, y)
            known.forward(y, out=y)
        ctx.save(x=x, y=saved)
        return y

    def start_backward(self, ctx: Context, grad_output: Any) -> tuple[Any, Any]:
        """The gradient in front of the activation, and the output by which the kernel still has to
        mask it (None if it has not).
        """
        if self.fused(ctx):
            return grad_output, ctx.saved.y
        if self.activation is None:
            return grad_output, None
        return ACTIVATIONS[self.activation].backward(
            grad_output, ctx.saved.y, out=grad_output
        ), None
