"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnrs import _arguments, ops
from cnnrs.errors import ShapeError
from cnnrs.initializers import Initializer
from cnnrs.layers.base import WHOLE, Window
from cnnrs.layers.context import Context
from cnnrs.layers.linear import Linear
from cnnrs.layers.node import Shape, shape_text

__all__ = ["Dense"]


class Dense(Linear):
    """Fully connected: every output is a weighted sum of all inputs, ``y = x · weight + bias``.

    Parameters
    ----------
    units : int
        Number of outputs; for the last layer of a classifier the number of classes.
    use_bias : bool
        Whether each output adds a number of its own.
    activation : str, optional
        Applied to the output: "relu", "sigmoid", "tanh", "elu", "gelu", "hard_sigmoid",
        "hard_swish", "leaky_relu", "relu6", "selu", "silu" or "softplus".
    weight_initializer : str or Initializer, optional
        Where ``weight`` starts; by default He-normal, and a tenth of LeCun-normal in the head of a
        model.
    bias_initializer : str or Initializer
        Where ``bias`` starts.
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

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        activation: str | None = None,
        *,
        weight_initializer: str | Mapping[str, Any] | Initializer | None = None,
        bias_initializer: str | Mapping[str, Any] | Initializer = "zeros",
        name: str | None = None,
    ) -> None:
        super().__init__(use_bias, activation, weight_initializer, bias_initializer, name)
        self.units = _arguments.integer("units", units, 1)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare weight and bias for that many features."""
        if len(input_shape) != 1:
            raise ShapeError(
                f"Dense needs a vector of features, got {shape_text(input_shape)}; put Flatten or "
                "a global pooling layer in front"
            )
        self.add_linear_parameters((input_shape[0], self.units))
        return (self.units,)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Multiply a batch of vectors by the weight."""
        weight, bias = self.operands(ctx)
        y = ops.matmul(x, weight, bias=bias, activation=self.fused(ctx), out=ctx.out())
        return self.finish(ctx, x, y)

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Gradients of weight, bias and input."""
        grad, mask = self.start_backward(ctx, grad_output)
        if mask is not None:
            grad = ops.relu_backward(grad, mask, out=grad)
        if ctx.needs_parameter_gradients:
            ops.matmul(ctx.saved.x, grad, transpose_a=True, **ctx.parameter_destination("weight"))
            if self.use_bias:
                ops.conv2d_backward_bias(grad, **ctx.parameter_destination("bias"))
        if not ctx.needs_input_gradient():
            return None
        return ops.matmul(grad, self.own("weight"), transpose_b=True, **ctx.input_destination())

    def multiplications_per_output(self, input_shape: Shape) -> int:  # type: ignore[override]
        """One for each feature."""
        return input_shape[0]

    def window(self, input_shape: Shape) -> Window:
        """Every output sees every input."""
        return WHOLE
