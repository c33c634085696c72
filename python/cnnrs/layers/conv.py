"""Convolution of images, channels last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cnnrs import _arguments, _renamed, ops
from cnnrs._arguments import PaddingLike, PairLike
from cnnrs.errors import ShapeError
from cnnrs.initializers import Initializer
from cnnrs.layers import spellings
from cnnrs.layers.context import Context
from cnnrs.layers.facts import FieldOfView, Work
from cnnrs.layers.geometry import Convolution, check_image, kernels_of, output_size, sides
from cnnrs.layers.linear import Linear, Operands
from cnnrs.layers.node import Shape

__all__ = ["Conv2D"]


@_renamed.keywords(spellings.ARGUMENTS, note=spellings.NOTE)
class Conv2D(Linear):
    """Slide filters over images: an output is the sum of products of a filter and a window.

    The filter is not flipped: strictly speaking this is a cross-correlation. The output has size
    ``(W - K + 2P) / S + 1`` in each direction, and one channel for each filter.

    Parameters
    ----------
    filters : int
        Number of filters, and of channels of the output.
    kernel_size : int or (height, width)
        Height and width of a filter.
    stride : int or (height, width)
        Pixels by which the window moves.
    padding : int, (height, width), ((top, bottom), (left, right)), "same" or "valid"
        Zeros around the image. ``"same"`` keeps the size at stride 1 (the odd pixel goes to the
        bottom and right); ``"valid"`` is 0.
    dilation : int or (height, width)
        Distance between the pixels that a filter reads.
    groups : int
        Number of groups into which channels and filters are split; a group sees no other
        group. A divisor of both.
    use_bias : bool
        Whether each filter has a bias.
    activation : str, optional
        Applied to the output: "relu", "sigmoid", "tanh", "elu", "gelu", "hard_sigmoid",
        "hard_swish", "leaky_relu", "relu6", "selu", "silu" or "softplus".
    rounding : {"floor", "exact"}
        Whether border pixels that no whole window reaches are left unused, or are an error.
    weight_initializer : str or Initializer, optional
        Initial values of ``weight``; by default He-normal, and a tenth of LeCun-normal in the
        head of a model.
    bias_initializer : str or Initializer
        Initial values of ``bias``.
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

    head = "yes"

    def __init__(
        self,
        filters: int,
        kernel_size: PairLike,
        *,
        stride: PairLike = 1,
        padding: PaddingLike = 0,
        dilation: PairLike = 1,
        groups: int = 1,
        use_bias: bool = True,
        activation: str | None = None,
        rounding: str = "floor",
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
        self.groups = _arguments.integer("groups", groups, 1)
        self.rounding = _arguments.choice("rounding", rounding, ("floor", "exact"))
        if self.filters % self.groups:
            raise ShapeError(
                f"groups: {self.groups} must divide the number of filters {self.filters}"
            )

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare weight and bias for images of this shape."""
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
        self._add_linear_parameters((*self.kernel_size, channels // self.groups, self.filters))
        return (*shape, self.filters)

    def convolution(self, input_shape: Shape) -> Convolution:
        """Return the sizes of the convolution for inputs of this shape."""
        return Convolution(
            input_shape,
            self.parameters["weight"].shape,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )

    def _geometry(self, ctx: Context, x: Any) -> ops.Conv2dGeometry:
        """Return the sizes as `cnnrs.ops` takes them, made once per batch size."""
        return ctx.once("geometry", lambda: self.convolution(x.shape[1:]).geometry)

    def _operands(
        self, ctx: Context, fold: Callable[[], Operands] | None, x: Any = None
    ) -> Operands:
        """Return weight and bias; in prediction the weight is prepared once where that pays."""
        if ctx.training:
            return super()._operands(ctx, fold)
        prepared = ctx.once("prepared", self._prepared, ctx, fold, x.shape)
        if prepared is None:
            return super()._operands(ctx, fold)
        weight, bias = ctx.derived(*prepared)
        if fold is None and self.use_bias:
            bias = ctx.parameter("bias")
        return weight, bias

    def _prepared(
        self, ctx: Context, fold: Callable[[], Operands] | None, shape: Shape
    ) -> tuple[Shape, Callable[[], Operands]] | None:
        """Return key and function for prepared operands, or None if a batch should not use them."""
        convolution = self.convolution(shape[1:])
        if not convolution.prepares(shape[0]):
            return None

        def make() -> Operands:
            weight, bias = (ctx.parameter("weight"), None) if fold is None else fold()
            return convolution.prepare(weight), bias

        return convolution.input_shape, make

    def compute(
        self,
        ctx: Context,
        x: Any,
        *,
        fold: Callable[[], Operands] | None = None,
        operation: Callable[..., Any] = ops.conv2d,
        **fused: Any,
    ) -> Any:
        """Convolve a batch of images; a fused layer passes the operation that does more."""
        weight, bias = self._operands(ctx, fold, x)
        geometry = self._geometry(ctx, x)
        return operation(x, weight, bias, geometry=geometry, **fused, out=ctx.out())

    def differentiate(self, ctx: Context, grad_output: Any, activation_output: Any = None) -> Any:
        """Compute the gradients of weight, bias and input."""
        x = ctx.saved.x
        geometry = self._geometry(ctx, x)
        if ctx.needs_parameter_gradients:
            (weight, *bias), accumulate = ctx.parameter_destinations(*self._parameter_names)
            ops.conv2d_backward_weight(
                grad_output,
                x,
                geometry=geometry,
                activation_output=activation_output,
                bias_out=bias[0] if bias else None,
                out=weight,
                accumulate=accumulate,
            )
        if not ctx.needs_input_gradient():
            return None
        return ops.conv2d_backward_input(
            grad_output,
            ctx.parameter("weight"),
            geometry=geometry,
            activation_output=activation_output,
            **ctx.input_destination(),
        )

    def work(self, input_shape: Shape) -> Work:  # type: ignore[override]
        """Return the products of the filters with all windows, and the kernels."""
        convolution = self.convolution(input_shape)
        return Work(
            convolution.multiply_adds,
            kernels_of(convolution, prepared=True),
            unused_border=self.field_of_view(input_shape).unused_border(
                (input_shape[0], input_shape[1]), convolution.output_size
            ),
        )

    def field_of_view(self, input_shape: Shape) -> FieldOfView:
        """Return the window of a filter."""
        padding = sides(
            (input_shape[0], input_shape[1]),
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
        )
        return FieldOfView(self.kernel_size, self.stride, padding, self.dilation)
