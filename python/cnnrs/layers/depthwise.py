"""Convolutions of each channel by itself, alone and followed by a convolution across channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import DTypeLike

from cnnrs import _arguments, _renamed, ops
from cnnrs._arguments import PaddingLike, PairLike
from cnnrs.initializers import Initializer
from cnnrs.initializers import get as get_initializer
from cnnrs.layers import spellings
from cnnrs.layers.context import Context
from cnnrs.layers.conv import Conv2D
from cnnrs.layers.facts import FieldOfView, Work
from cnnrs.layers.geometry import Convolution, Kernel, check_image, output_size, sides
from cnnrs.layers.linear import Linear, Operands
from cnnrs.layers.node import Shape

__all__ = ["DepthwiseConv2D", "SeparableConv2D"]


@_renamed.keywords(spellings.ARGUMENTS, note=spellings.NOTE)
class DepthwiseConv2D(Conv2D):
    """Slide filters of depth 1 over images: every channel has its own filters.

    Equal to `Conv2D` with one group for each channel.

    Parameters
    ----------
    kernel_size : int or (height, width)
    stride, padding, dilation
        As for `Conv2D`.
    depth_multiplier : int
        Number of filters for each channel. In the output, the results of the first channel come
        first.
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
        *,
        stride: PairLike = 1,
        padding: PaddingLike = 0,
        dilation: PairLike = 1,
        depth_multiplier: int = 1,
        use_bias: bool = True,
        activation: str | None = None,
        rounding: str = "floor",
        weight_initializer: str | Mapping[str, Any] | Initializer | None = None,
        bias_initializer: str | Mapping[str, Any] | Initializer = "zeros",
        name: str | None = None,
    ) -> None:
        super().__init__(
            1,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            use_bias=use_bias,
            activation=activation,
            rounding=rounding,
            weight_initializer=weight_initializer,
            bias_initializer=bias_initializer,
            name=name,
        )
        self.depth_multiplier = _arguments.integer("depth_multiplier", depth_multiplier, 1)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare weight and bias, with one group for each channel."""
        channels = check_image(self, input_shape)[2]
        if "weight" not in self.parameters:
            self.groups, self.filters = channels, channels * self.depth_multiplier
        return super().build(input_shape)


@_renamed.keywords(spellings.ARGUMENTS, note=spellings.NOTE)
class SeparableConv2D(Linear):
    """Depthwise convolution, followed by a 1x1 convolution that mixes the channels.

    Parameters
    ----------
    filters : int
        Channels of the output.
    kernel_size : int or (height, width)
        Of the depthwise convolution.
    stride, padding, dilation
        Of the depthwise convolution; as for `Conv2D`.
    depth_multiplier : int
        Number of filters for each channel in the depthwise convolution.
    use_bias, activation
        Of the output; as for `Conv2D`.
    depthwise_initializer, weight_initializer, bias_initializer, name
        As for `Conv2D`.

    Attributes
    ----------
    depthwise_weight : ndarray of shape (kernel_height, kernel_width, 1, depth)
        The depth is ``channels * depth_multiplier``.
    weight : ndarray of shape (1, 1, depth, filters)
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
        *,
        stride: PairLike = 1,
        padding: PaddingLike = 0,
        dilation: PairLike = 1,
        depth_multiplier: int = 1,
        use_bias: bool = True,
        activation: str | None = None,
        depthwise_initializer: str | Mapping[str, Any] | Initializer | None = None,
        weight_initializer: str | Mapping[str, Any] | Initializer | None = None,
        bias_initializer: str | Mapping[str, Any] | Initializer = "zeros",
        name: str | None = None,
    ) -> None:
        super().__init__(use_bias, activation, weight_initializer, bias_initializer, name)
        self.filters = _arguments.integer("filters", filters, 1)
        self.kernel_size = _arguments.pair("kernel_size", kernel_size)
        self.stride = _arguments.pair("stride", stride)
        self.padding = _arguments.padding("padding", padding)
        self.dilation = _arguments.pair("dilation", dilation)
        self.depth_multiplier = _arguments.integer("depth_multiplier", depth_multiplier, 1)
        self.depthwise_initializer = (
            None if depthwise_initializer is None else get_initializer(depthwise_initializer)
        )

    def _middle(self, input_shape: Shape) -> Shape:
        """Return the shape between the two convolutions."""
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
        self._add_linear_parameters((1, 1, channels, self.filters))
        return height, width, self.filters

    def scratch(self, input_shape: Shape) -> dict[str, tuple[Shape, DTypeLike | None]]:  # type: ignore[override]
        """Ask for the array between the two convolutions."""
        return {"middle": (self._middle(input_shape), None)}

    def _convolutions(self, input_shape: Shape) -> tuple[Convolution, Convolution]:
        """Return the sizes of the depthwise and of the pointwise convolution."""
        shapes = {name: parameter.shape for name, parameter in self.parameters.items()}
        depthwise = Convolution(
            input_shape,
            shapes["depthwise_weight"],
            self.stride,
            self.padding,
            self.dilation,
            groups=input_shape[2],
        )
        return depthwise, Convolution(self._middle(input_shape), shapes["weight"])

    def _geometries(self, ctx: Context, x: Any) -> tuple[ops.Conv2dGeometry, ops.Conv2dGeometry]:
        """Return the sizes as `cnnrs.ops` takes them, made once per batch size."""

        def make() -> tuple[ops.Conv2dGeometry, ops.Conv2dGeometry]:
            first, second = self._convolutions(x.shape[1:])
            return first.geometry, second.geometry

        return ctx.once("geometries", make)

    def compute(
        self, ctx: Context, x: Any, *, fold: Callable[[], Operands] | None = None, **fused: Any
    ) -> Any:
        """Run both convolutions."""
        weight, bias = self._operands(ctx, fold)
        depthwise = ctx.parameter("depthwise_weight")
        middle = ctx.scratch("middle")
        first, second = self._geometries(ctx, x)
        ops.conv2d(x, depthwise, geometry=first, out=middle)
        ctx.save(middle=middle)
        return ops.conv2d(middle, weight, bias, geometry=second, **fused, out=ctx.out())

    def differentiate(self, ctx: Context, grad_output: Any, activation_output: Any = None) -> Any:
        """Compute the gradients of both weights, the bias and the input."""
        x, middle, mask = ctx.saved.x, ctx.saved.middle, {"activation_output": activation_output}
        first, second = self._geometries(ctx, x)
        if ctx.needs_parameter_gradients:
            weight_out = ctx.parameter_destination("weight")
            ops.conv2d_backward_weight(grad_output, middle, geometry=second, **mask, **weight_out)
            if self.use_bias:
                ops.conv2d_backward_bias(grad_output, **mask, **ctx.parameter_destination("bias"))
        # The output of the depthwise convolution is not needed any more: overwrite it.
        grad = ops.conv2d_backward_input(
            grad_output, ctx.parameter("weight"), geometry=second, **mask, out=middle
        )
        if ctx.needs_parameter_gradients:
            to = ctx.parameter_destination("depthwise_weight")
            ops.conv2d_backward_weight(grad, x, geometry=first, **to)
        if not ctx.needs_input_gradient():
            return None
        depthwise = ctx.parameter("depthwise_weight")
        return ops.conv2d_backward_input(grad, depthwise, geometry=first, **ctx.input_destination())

    def work(self, input_shape: Shape) -> Work:  # type: ignore[override]
        """Return the products of both convolutions, and their kernels."""
        first, second = self._convolutions(input_shape)
        kernels = (
            Kernel("forward", first, "forward"),
            Kernel("forward", second, "forward"),
            Kernel("backward_weight", second, "backward_weight"),
            Kernel("backward_weight", second, "backward_input"),
            Kernel("backward_weight", first, "backward_weight"),
            Kernel("backward_input", second, "backward_input"),
            Kernel("backward_input", first, "backward_input"),
        )
        size, middle_size = (input_shape[0], input_shape[1]), first.output_size
        border = self.field_of_view(input_shape).unused_border(size, middle_size)
        return Work(first.multiply_adds + second.multiply_adds, kernels, unused_border=border)

    def field_of_view(self, input_shape: Shape) -> FieldOfView:
        """Return the window of a depthwise filter."""
        padding = sides(
            (input_shape[0], input_shape[1]),
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
        )
        return FieldOfView(self.kernel_size, self.stride, padding, self.dilation)
