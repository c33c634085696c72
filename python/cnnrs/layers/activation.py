"""Activations: element-wise functions between the linear layers, and softmax."""

from __future__ import annotations

from typing import Any

from cnnrs import ops
from cnnrs.layers.base import Layer, Traits
from cnnrs.layers.context import Context
from cnnrs.layers.node import Shape

__all__ = ["ReLU", "Sigmoid", "Softmax", "Tanh"]


class _Activation(Layer):
    """An activation whose gradient is a function of its output."""

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """The shape stays."""
        return input_shape


class ReLU(_Activation):
    """``max(0, x)``; the gradient at 0 is 0.

    Parameters
    ----------
    name : str, optional

    References
    ----------
    V. Nair, G. Hinton: Rectified Linear Units Improve Restricted Boltzmann Machines. ICML 2010.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((3,), [ReLU()])([[-1.0, 0.0, 2.0]]).tolist()
    [[0.0, 0.0, 2.0]]
    """

    traits = Traits(saves_input=False, in_place=True, activation="relu", non_negative="always")

    def forward(self, ctx: Context, x: Any) -> Any:
        """``max(0, x)``."""
        y = ops.relu(x, out=ctx.out())
        ctx.save(y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """The gradient where the output is above 0."""
        return ops.relu_backward(grad_output, ctx.saved.y, **ctx.input_destination())


class Sigmoid(_Activation):
    """``1 / (1 + exp(-x))``, without overflow.

    Parameters
    ----------
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [Sigmoid()])([[0.0, -1000.0]]).tolist()
    [[0.5, 0.0]]
    """

    traits = Traits(saves_input=False, in_place=True, non_negative="always")

    def forward(self, ctx: Context, x: Any) -> Any:
        """``1 / (1 + exp(-x))``."""
        y = ops.sigmoid(x, out=ctx.out())
        ctx.save(y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """``g · y · (1 - y)``."""
        return ops.sigmoid_backward(grad_output, ctx.saved.y, **ctx.input_destination())


class Tanh(_Activation):
    """The hyperbolic tangent.

    Parameters
    ----------
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((1,), [Tanh()])([[0.0]]).tolist()
    [[0.0]]
    """

    traits = Traits(saves_input=False, in_place=True)

    def forward(self, ctx: Context, x: Any) -> Any:
        """``tanh(x)``."""
        y = ops.tanh(x, out=ctx.out())
        ctx.save(y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """``g · (1 - y²)``."""
        return ops.tanh_backward(grad_output, ctx.saved.y, **ctx.input_destination())


class Softmax(_Activation):
    """Turn the last axis into probabilities: ``exp(x) / sum(exp(x))``, without overflow.

    A model does not need it: models put out logits, the loss takes logits, and ``predict_proba``
    applies softmax unless the model ends in it.

    Parameters
    ----------
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [Softmax()])([[1e4, 1e4]]).tolist()
    [[0.5, 0.5]]
    """

    traits = Traits(saves_input=False, non_negative="always")

    def forward(self, ctx: Context, x: Any) -> Any:
        """Probabilities."""
        y = ops.softmax(x, out=ctx.out())
        ctx.save(y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """``y · (g - sum(g · y))``."""
        return ops.softmax_backward(grad_output, ctx.saved.y, **ctx.input_destination())
