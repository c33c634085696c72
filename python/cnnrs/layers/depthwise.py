"""Convolutions that look at channels one by one, alone and followed by one that mixes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import DTypeLike

from cnnrs import _arguments, ops
from cnnrs._arguments import PaddingLike, PairLike
from cnnrs.initializers import Initializer
from cnnrs.initializers import get as get_initializer
from cnnrs.layers.base import Window
from cnnrs.layers.context import Context
from cnnrs.layers.conv import Conv2D
from cnnrs.layers.geometry import check_image, output_size, sides
from cnnrs.layers.linear import Linear
from cnnrs.layers.node import Shape

__all__ = ["DepthwiseConv2D", "SeparableConv2D"]


class DepthwiseConv2D(Conv2D):
    """Slide filters of depth 1 over an image: every channel has filters of its own and sees no
    other channel.

    The same as `Conv2D` with as many groups as there are channels.

    Parameters
    ----------
    kernel_size : int or (height, width)
    stride, padding, dilation
        As for `Conv2D`.
    depth_multiplier : int
        Filters per channel: the output has so many times as many channels, those of the first
        channel first.
    use_bias, activation, rounding, weight_initializer, bias_initializer, name
        As for `Conv2D`.

    Attributes
    ----------
    weight : ndarray of shape (kernel_height, kernel_width, 1, channels * depth_multiplier)
    bias : ndarray of shape (channels * depth_multiplier,)

    References
    ----------
    L. Sifre: Rigid-Motion Scattering for Image Classification. PhD thesis, 2014.
    A. Howard et al.: MobileNets. arXiv:1704.04861, 2017.

    Examples
    --------
    >>> import cnnrs
    >>> model = cnnrs.Sequential((32, 32, 16), [DepthwiseConv2D(3, padding="same")])
    >>> model.output_shape, model.num_parameters
    ((32, 32, 16), 160)
    """

    def __init__(
        self,
        kernel_size: PairLike,
        stride: PairLike = 1,
        padding: PaddingLike = 0,
        dilation: PairLike = 1,
        depth_multiplier: int = 1,
        use_bias: bool = True,
        activation: str | None = None,
        rounding: str = "floor",
        *,
        weight_initializer: str | Mapping[str, Any] | Initializer | None = None,
        bias_initializer: str | Mapping[str, Any] | Initializer = "zeros",
        name: str | None = None,
    ) -> None:
        super().__init__(
            1,
            kernel_size,
            stride,
            padding,
            dilation,
            use_bias=use_bias,
            activation=activation,
            rounding=rounding,
            weight_initializer=weight_initializer,
            bias_initializer=bias_initializer,
            name=name,
        )
        self.depth_multiplier = _arguments.integer("depth_multiplier", depth_multiplier, 1)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare weight and bias; there are as many groups as channels."""
        channels = check_image(self, input_shape)[2]
        if "weight" not in self.parameters:
            self.groups, self.filters = channels, channels * self.depth_multiplier
        return super().build(input_shape)


class SeparableConv2D(Linear):
    """A depthwise convolution followed by one of 1x1, which mixes the channels; with nothing in
    between.

    Parameters
    ----------
    filters : int
        Channels of the output.
    kernel_size : int or (height, width)
        Of the depthwise part.
    stride, padding, dilation
        Of the depthwise part; as for `Conv2D`.
    depth_multiplier : int
        Filters per channel in the depthwise part.
    use_bias, activation
        Of the output; as for `Conv2D`.
    depthwise_initializer, weight_initializer, bias_initializer, name
        As for `Conv2D`.

    Attributes
    ----------
    depthwise_weight : ndarray of shape (kernel_height, kernel_width, 1, channels * depth_multiplier)
    weight : ndarray of shape (1, 1, channels * depth_multiplier, filters)
    bias : ndarray of shape (filters,)

    References
    ----------
    F. Chollet: Xception: Deep Learning with Depthwise Separable Convolutions. CVPR 2017.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((32, 32, 16), [SeparableConv2D(32, 3)]).num_parameters
    688
    """

    def __init__(
        self,
        filters: int,
        kernel_size: PairLike,
        stride: PairLike = 1,
        padding: PaddingLike = 0,
        dilation: PairLike = 1,
        depth_multiplier: int = 1,
        use_bias: bool = True,
        activation: str | None = None,
        *,
        depthwise_initializer: str | Mapping[str, Any] | Initializer | None = None,
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
        self.depth_multiplier = _arguments.integer("depth_multiplier", depth_multiplier, 1)
        self.depthwise_initializer = (
            None if depthwise_initializer is None else get_initializer(depthwise_initializer)
        )

    def _middle(self, input_shape: Shape) -> Shape:
        """The shape between the two parts."""
        height, width, channels = check_image(self, input_shape)
        size = output_size(
            (height, width), self.kernel_size, self.stride, self.padding, self.dilation, "floor"
        )
        return (*size, channels * self.depth_multiplier)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare both weights and the bias."""
        height, width, channels = self._middle(input_shape)
        self.add_parameter(
            "depthwise_weight", (*self.kernel_size, 1, channels), self.depthwise_initializer
        )
        self.add_linear_parameters((1, 1, channels, self.filters))
        return height, width, self.filters

    def scratch(self, input_shape: Shape) -> dict[str, tuple[Shape, DTypeLike | None]]:  # type: ignore[override]
        """What lies between the two parts."""
        return {"middle": (self._middle(input_shape), None), **super().scratch(input_shape)}

    def _depthwise(self, channels: int) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": channels,
        }

    def forward(self, ctx: Context, x: Any) -> Any:
        """Both convolutions."""
        weight, bias = self.operands(ctx)
        middle = ops.conv2d(
            x, self.depthwise_weight, **self._depthwise(x.shape[3]), out=ctx.scratch("middle")
        )
        y = ops.conv2d(middle, weight, bias, activation=self.fused(ctx), out=ctx.out())
        ctx.save(middle=middle)
        return self.finish(ctx, x, y)

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Gradients of both weights, the bias and the input."""
        x, middle = ctx.saved.x, ctx.saved.middle
        grad, mask = self.start_backward(ctx, grad_output)
        if ctx.needs_parameter_gradients:
            ops.conv2d_backward_weight(
                grad, middle, 1, activation_output=mask, **ctx.parameter_destination("weight")
            )
            if self.use_bias:
                ops.conv2d_backward_bias(
                    grad, activation_output=mask, **ctx.parameter_destination("bias")
                )
        # What lay in between is not needed any more; its gradient takes its place.
        grad = ops.conv2d_backward_input(
            grad, self.own("weight"), middle.shape, activation_output=mask, out=middle
        )
        geometry = self._depthwise(x.shape[3])
        if ctx.needs_parameter_gradients:
            ops.conv2d_backward_weight(
                grad,
                x,
                self.kernel_size,
                **geometry,
                **ctx.parameter_destination("depthwise_weight"),
            )
        if not ctx.needs_input_gradient():
            return None
        return ops.conv2d_backward_input(
            grad, self.depthwise_weight, x.shape, **geometry, **ctx.input_destination()
        )

    def multiplications_per_output(self, input_shape: Shape) -> int:  # type: ignore[override]
        """Those of the 1x1 part, and the part of the depthwise ones that falls to one output,
        rounded.
        """
        middle = input_shape[2] * self.depth_multiplier
        return middle + round(self.kernel_size[0] * self.kernel_size[1] * middle / self.filters)

    def window(self, input_shape: Shape) -> Window:
        """The window of a depthwise filter."""
        padding = sides(
            (input_shape[0], input_shape[1]),
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
        )
        return Window(self.kernel_size, self.stride, padding, self.dilation)
