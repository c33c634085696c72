"""Fully connected layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cnnrs import _arguments, _renamed, ops
from cnnrs.errors import ShapeError
from cnnrs.initializers import Initializer
from cnnrs.layers import spellings
from cnnrs.layers.context import Context
from cnnrs.layers.facts import WHOLE_INPUT, FieldOfView, Work
from cnnrs.layers.linear import Linear, Operands
from cnnrs.layers.node import Shape, shape_text

__all__ = ["Dense"]


@_renamed.keywords(spellings.ARGUMENTS, note=spellings.NOTE)
class Dense(Linear):
    """Fully connected layer: every output is a weighted sum of all inputs, ``x · weight + bias``.

    Parameters
    ----------
    units : int
        Number of outputs: in the last layer of a classifier, the number of classes.
    activation : str, optional
        Applied to the output: "relu", "sigmoid", "tanh", "elu", "gelu", "hard_sigmoid",
        "hard_swish", "leaky_relu", "relu6", "selu", "silu" or "softplus".
    use_bias : bool
        Whether each output has a bias.
    weight_initializer : str or Initializer, optional
        Initial values of ``weight``; by default He-normal, and a tenth of LeCun-normal in the
        head of a model.
    bias_initializer : str or Initializer
        Initial values of ``bias``.
    name : str, optional

    Attributes
    ----------
    weight : ndarray of shape (features, units)
        View into the model's parameters; edit it in place.
    bias : ndarray of shape (units,)

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((784,), [Dense(10)]).num_parameters
    7850
    """

    head = "yes"

    def __init__(
        self,
        units: int,
        *,
        activation: str | None = None,
        use_bias: bool = True,
        weight_initializer: str | Mapping[str, Any] | Initializer | None = None,
        bias_initializer: str | Mapping[str, Any] | Initializer = "zeros",
        name: str | None = None,
    ) -> None:
        super().__init__(use_bias, activation, weight_initializer, bias_initializer, name)
        self.units = _arguments.integer("units", units, 1)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare weight and bias for this number of features."""
        if len(input_shape) != 1:
            raise ShapeError(
                f"Dense needs a vector of features, got {shape_text(input_shape)}; put Flatten or "
                "a global pooling layer before it"
            )
        self._add_linear_parameters((input_shape[0], self.units))
        return (self.units,)

    def compute(
        self, ctx: Context, x: Any, *, fold: Callable[[], Operands] | None = None, **fused: Any
    ) -> Any:
        """Multiply a batch of vectors by the weight."""
        weight, bias = self._operands(ctx, fold)
        return ops.matmul(x, weight, bias=bias, **fused, out=ctx.out())

    def differentiate(self, ctx: Context, grad_output: Any, activation_output: Any = None) -> Any:
        """Compute the gradients of weight, bias and input."""
        grad = grad_output
        if activation_output is not None:
            grad = ops.relu_backward(grad, activation_output, out=grad)
        if ctx.needs_parameter_gradients:
            ops.matmul(ctx.saved.x, grad, transpose_a=True, **ctx.parameter_destination("weight"))
            if self.use_bias:
                ops.conv2d_backward_bias(grad, **ctx.parameter_destination("bias"))
        if not ctx.needs_input_gradient():
            return None
        weight = ctx.parameter("weight")
        return ops.matmul(grad, weight, transpose_b=True, **ctx.input_destination())

    def work(self, input_shape: Shape) -> Work:  # type: ignore[override]
        """Return one product for each value of the weight."""
        return Work(input_shape[0] * self.units)

    def field_of_view(self, input_shape: Shape) -> FieldOfView:
        """Return the whole input: every output sees every input."""
        return WHOLE_INPUT
