"""Base class of layers with a weight and a bias."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from cnnrs import _arguments
from cnnrs.initializers import Initializer, Zeros
from cnnrs.initializers import get as get_initializer
from cnnrs.layers.activation import BY_NAME
from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.facts import Memory
from cnnrs.layers.node import Shape

__all__ = ["Linear", "Operands", "Reader"]

Operands: TypeAlias = tuple[Any, Any]  # weight and bias; the bias may be None
Reader: TypeAlias = Callable[[str], Any]  # from the name of a parameter to its values


class Linear(Layer):
    """Base class of layers ``y = x · weight + bias``.

    A subclass defines `compute` and `differentiate`, the passes without what a model keeps between
    them. Fused layers call them too: with folded weights (see `fold`), or with an activation that
    the kernel applies to its own output.

    The layer does not apply its `activation`: the argument is another spelling of an activation
    layer that follows, see `Layer.followed_by`.
    """

    memory = Memory(saves_output=False)

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
        self.activation = _arguments.choice("activation", activation, (None, *BY_NAME))
        self.weight_initializer = (
            None if weight_initializer is None else get_initializer(weight_initializer)
        )
        self.bias_initializer = get_initializer(bias_initializer)

    def _shown(self) -> dict[str, Any]:
        """Return "zeros" for the initializer of that name, which is the default of the bias."""
        shown = super()._shown()
        if self.bias_initializer == Zeros():
            shown["bias_initializer"] = "zeros"
        return shown

    @property
    def followed_by(self) -> Layer | None:
        """The layer of the activation, if there is one."""
        return None if self.activation is None else BY_NAME[self.activation]()

    # --- parameters -------------------------------------------------------------------------------
    def _add_linear_parameters(self, weight_shape: tuple[int, ...]) -> None:
        """Declare weight and bias; the last axis of the weight counts the outputs."""
        self.add_parameter("weight", weight_shape, self.weight_initializer)
        self._add_bias(weight_shape[-1])

    def _add_bias(self, outputs: int) -> None:
        """Declare the bias, if there is one."""
        if self.use_bias:
            self.add_parameter("bias", (outputs,), self.bias_initializer)

    @property
    def _parameter_names(self) -> tuple[str, ...]:
        """``weight``, and ``bias`` if there is one."""
        return ("weight", "bias") if self.use_bias else ("weight",)

    def _operands(self, ctx: Context, fold: Callable[[], Operands] | None) -> Operands:
        """Return weight and bias: the parameters, or the result of `fold`."""
        if fold is not None:
            return ctx.derived("folded", fold)
        return ctx.parameter("weight"), ctx.parameter("bias") if self.use_bias else None

    def fold(self, read: Reader, scale: Any, shift: Any) -> Operands:
        """Return weight and bias for an output that is multiplied by `scale` and moved by `shift`.

        ``(x · weight + bias) · scale + shift`` is ``x · (weight · scale) + (bias · scale +
        shift)``; `scale` and `shift` have one value for each output channel.
        """
        weight = read("weight")
        scaled = np.multiply(
            weight, self._scale_of_weight(scale), out=np.empty_like(weight), casting="same_kind"
        )
        bias = scale * read("bias") + shift if self.use_bias else shift
        return scaled, bias.astype(weight.dtype)

    def _scale_of_weight(self, scale: Any) -> Any:
        """Return the factors of the output channels in a shape that fits the weight."""
        return scale  # the last axis of the weight counts the output channels

    # --- passes -----------------------------------------------------------------------------------
    def compute(
        self, ctx: Context, x: Any, *, fold: Callable[[], Operands] | None = None, **fused: Any
    ) -> Any:
        """Compute the output, with `fused` as further arguments of the kernel."""
        raise NotImplementedError

    def differentiate(self, ctx: Context, grad_output: Any, activation_output: Any = None) -> Any:
        """Compute the gradients; `activation_output` is the output of a fused ReLU."""
        raise NotImplementedError

    def forward(self, ctx: Context, x: Any) -> Any:
        """Compute the output of a batch."""
        ctx.save(x=x)
        return self.compute(ctx, x)

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Compute the gradients of weight, bias and input."""
        return self.differentiate(ctx, grad_output)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare the parameters, and return the shape of the output."""
        raise NotImplementedError
