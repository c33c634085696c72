"""Convolution of images, channels last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnrs import _arguments, ops
from cnnrs._arguments import PaddingLike, PairLike
from cnnrs.errors import ShapeError
from cnnrs.initializers import Initializer
from cnnrs.layers.base import Layer, Window
from cnnrs.layers.context import Context
from cnnrs.layers.geometry import check_image, output_size, sides
from cnnrs.layers.linear import Linear
from cnnrs.layers.node import Shape
from cnnrs.layers.pooling import MaxPool2D

__all__ = ["Conv2D"]


class Conv2D(Linear):
    """Slide filters over an image: each output is the sum of products of one filter and the window
    below it, plus a bias.

    As everywhere in this field the filter is not flipped (strictly speaking this is a
    cross-correlation). The output has size ``(W - K + 2P) / S + 1`` in each direction and as many
    channels as there are filters.

    Parameters
    ----------
    filters : int
        Number of filters: channels of the output.
    kernel_size : int or (height, width)
        Size of a filter; its depth is that of the input.
    stride : int or (height, width)
        By how many pixels the window moves.
    padding : int, (height, width), ((top, bottom), (left, right)), "same" or "valid"
        Zeros around the image. ``"same"`` keeps the size at stride 1 (the odd pixel goes to the
        bottom and right); ``"valid"`` is 0.
    dilation : int or (height, width)
        Distance between the pixels that a filter reads.
    groups : int
        Split channels and filters into so many groups that do not see each other; a divisor of
        both.
    use_bias : bool
        Whether each filter adds a number of its own.
    activation : str, optional
        Applied to the output: "relu", "sigmoid", "tanh", "elu", "gelu", "hard_sigmoid",
        "hard_swish", "leaky_relu", "relu6", "selu", "silu" or "softplus".
    rounding : {"floor", "exact"}
        What to do with border pixels that no whole window reaches: leave them unused, or refuse to
        build.
    weight_initializer : str or Initializer, optional
        Where ``weight`` starts; by default He-normal, and a tenth of LeCun-normal in the head of a
        model.
    bias_initializer : str or Initializer
        Where ``bias`` starts.
    name : str, optional

    Attributes
    ----------
    weight : ndarray of shape (kernel_height, kernel_width, in_channels / groups, filters)
        View into the model's parameters; edit it in place.
    bias : ndarray of shape (filters,)

    Raises
    ------
    ShapeError
        For sizes below 1, and in ``build`` for an input that does not fit.

    References
    ----------
    Y. LeCun et al.: Gradient-based learning applied to document recognition. Proceedings of the
    IEEE, 1998.

    Examples
    --------
    >>> import cnnrs
    >>> model = cnnrs.Sequential((32, 32, 3), [Conv2D(1, 5)])
    >>> model.output_shape, model.num_parameters
    ((28, 28, 1), 76)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: PairLike,
        stride: PairLike = 1,
        padding: PaddingLike = 0,
        dilation: PairLike = 1,
        groups: int = 1,
        use_bias: bool = True,
        activation: str | None = None,
        rounding: str = "floor",
        *,
        weight_initializer: str | Mapping[str, Any] | Initializer | None = None,
        bias_initializer: str | Mapping[str, Any] | Initializer = "zeros",
        name: str | None = None,
    ) -> None:
        super().__init__(use_bias, activation, weight_initializer, bias_initializer, name)
        self.filters = _arguments.integer("filters", filters, 1)
        self.kernel_size = _arguments.pair("kernel_size", kernel_size)
        self.stride = _arguments.pair("stride", stride)
        self.padding = padding
        self.dilation = _arguments.pair("dilation", dilation)
        self.groups = _arguments.integer("groups", groups, 1)
        self.rounding = _arguments.choice("rounding", rounding, ("floor", "exact"))
        if self.filters % self.groups:
            raise ShapeError(
                f"groups: {self.groups} must divide the number of filters {self.filters}"
            )

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare weight and bias for images of that shape."""
        height, width, channels = check_image(self, input_shape)
        if channels % self.groups:
            raise ShapeError(
                f"groups: {self.groups} must divide the {channels} channels of the input"
            )
        shape = output_size(
            (height, width),
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.rounding,
        )
        self.add_linear_parameters((*self.kernel_size, channels // self.groups, self.filters))
        return (*shape, self.filters)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Convolve a batch of images."""
        weight, bias = self.operands(ctx)
        y = ops.conv2d(
            x,
            weight,
            bias,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            activation=self.fused(ctx),
            max_pool=ctx.max_pool,
            out=ctx.out(),
        )
        return self.finish(ctx, x, y)

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Gradients of weight, bias and input."""
        x = ctx.saved.x
        grad, mask = self.start_backward(ctx, grad_output)
        geometry: dict[str, Any] = {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
            "activation_output": mask,
        }
        if ctx.needs_parameter_gradients:
            bias = (
                ctx.parameter_destination("bias")["out"] if self.use_bias else None
            )  # added to, or not, as that of the weight
            ops.conv2d_backward_weight(
                grad,
                x,
                self.kernel_size,
                bias_out=bias,
                **geometry,
                **ctx.parameter_destination("weight"),
            )
        if not ctx.needs_input_gradient():
            return None
        return ops.conv2d_backward_input(
            grad, self.own("weight"), x.shape, **geometry, **ctx.input_destination()
        )

    def pools(
        self, layer: Layer, input_shape: Shape, output_shape: Shape, dtype: np.dtype[Any]
    ) -> bool:
        """A max-pooling by 2 × 2, where the filters are few; not if either layer's class computes
        in a way of its own.
        """
        if type(self).forward is not Conv2D.forward or self.activation not in (
            None,
            *self.kernel_activations,
        ):
            return False
        if (
            not isinstance(layer, MaxPool2D)
            or type(layer).forward is not MaxPool2D.forward
            or not layer.halves(output_shape)
        ):
            return False
        shapes = (1, *input_shape), self.parameters["weight"].shape
        sliding: dict[str, Any] = {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }
        return ops.conv2d_pools(*shapes, **sliding, dtype=dtype)

    def multiplications_per_output(self, input_shape: Shape) -> int:  # type: ignore[override]
        """Kernel height x kernel width x channels that a filter sees."""
        return self.kernel_size[0] * self.kernel_size[1] * input_shape[2] // self.groups

    def window(self, input_shape: Shape) -> Window:
        """The window of a filter."""
        padding = sides(
            (input_shape[0], input_shape[1]),
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
        )
        return Window(self.kernel_size, self.stride, padding, self.dilation)
