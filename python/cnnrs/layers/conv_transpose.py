"""Transposed convolution: the backward pass of a convolution as a layer, which enlarges images."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cnnrs import _arguments, _renamed, ops
from cnnrs._arguments import PaddingLike, Pair, PairLike
from cnnrs.errors import ShapeError
from cnnrs.initializers import Initializer, Normal
from cnnrs.layers import spellings
from cnnrs.layers.context import Context
from cnnrs.layers.facts import FieldOfView, Work
from cnnrs.layers.geometry import Convolution, check_image, kernels_of, sides
from cnnrs.layers.linear import Linear, Operands
from cnnrs.layers.node import Shape

__all__ = ["Conv2DTranspose"]


@_renamed.keywords(spellings.ARGUMENTS, note=spellings.NOTE)
class Conv2DTranspose(Linear):
    """Spread every input pixel over a window of the output, weighted by filters.

    This is how `Conv2D` computes the gradient of its input. The output has size ``(W - 1) * S - 2P
    + D * (K - 1) + 1 + output_padding`` in each direction (``W * S`` with ``padding="same"``): the
    size of an image that a `Conv2D` with the same arguments turns into an image of size ``W``.

    Parameters
    ----------
    filters : int
        Channels of the output.
    kernel_size, stride, padding, dilation
        Arguments of the convolution that is run backwards: padding cuts a border off the output.
    output_padding : int or (height, width)
        Additional rows and columns at the bottom and right, fewer than the stride. A convolution
        with a stride turns images of several sizes into the same size; this chooses among them. Not
        with ``padding="same"``.
    groups : int
        As for `Conv2D`.
    use_bias, activation
        As for `Conv2D`.
    weight_initializer : str or Initializer, optional
        Initial values of ``weight``; by default normal, with the deviation that keeps the size of
        activations through layers of ReLU.
    bias_initializer : str or Initializer
    name : str, optional

    Attributes
    ----------
    weight : ndarray of shape (kernel_height, kernel_width, filters / groups, in_channels)
        The weight of the convolution that is run backwards.
    bias : ndarray of shape (filters,)

    References
    ----------
    V. Dumoulin, F. Visin: A guide to convolution arithmetic for deep learning. arXiv:1603.07285,
    2016.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((28, 28, 1024), [Conv2DTranspose(512, 2, stride=2)]).output_shape
    (56, 56, 512)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: PairLike,
        *,
        stride: PairLike = 1,
        padding: PaddingLike = 0,
        output_padding: PairLike = 0,
        dilation: PairLike = 1,
        groups: int = 1,
        use_bias: bool = True,
        activation: str | None = None,
        weight_initializer: str | Mapping[str, Any] | Initializer | None = None,
        bias_initializer: str | Mapping[str, Any] | Initializer = "zeros",
        name: str | None = None,
    ) -> None:
        super().__init__(use_bias, activation, weight_initializer, bias_initializer, name)
        self.filters = _arguments.integer("filters", filters, 1)
        self.kernel_size = _arguments.pair("kernel_size", kernel_size)
        self.stride = _arguments.pair("stride", stride)
        self.padding = _arguments.padding("padding", padding)
        self.output_padding = _arguments.pair("output_padding", output_padding, 0)
        self.dilation = _arguments.pair("dilation", dilation)
        self.groups = _arguments.integer("groups", groups, 1)
        if self.filters % self.groups:
            raise ShapeError(
                f"groups: {self.groups} must divide the number of filters {self.filters}"
            )
        if isinstance(padding, str) and padding == "same" and self.output_padding != (0, 0):
            raise ShapeError(
                'output_padding: with padding="same" the output has the input\'s size times the '
                f"stride, got {output_padding!r}"
            )
        if any(more >= step for more, step in zip(self.output_padding, self.stride, strict=True)):
            raise ShapeError(
                f"output_padding: expected less than the stride {self.stride}, got "
                f"{self.output_padding}"
            )

    def _output_size(self, height: int, width: int) -> Pair:
        if isinstance(self.padding, str) and self.padding == "same":
            return height * self.stride[0], width * self.stride[1]
        border = sides((1, 1), self.kernel_size, self.stride, self.padding, self.dilation)
        sizes = [
            (size - 1) * self.stride[axis]
            - border[2 * axis]
            - border[2 * axis + 1]
            + (self.kernel_size[axis] - 1) * self.dilation[axis]
            + 1
            + self.output_padding[axis]
            for axis, size in enumerate((height, width))
        ]
        if min(sizes) < 1:
            raise ShapeError(
                f"padding: {self.padding!r} leaves nothing of an output of {sizes[0]} x {sizes[1]} "
                "pixels"
            )
        return sizes[0], sizes[1]

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare weight and bias for images of this shape."""
        height, width, channels = check_image(self, input_shape)
        if channels % self.groups:
            raise ShapeError(
                f"groups: {self.groups} must divide the {channels} channels of the input"
            )
        size = self._output_size(height, width)
        # the number of inputs that meet in one output
        area = math.prod(self.kernel_size) / math.prod(self.stride)
        initializer = self.weight_initializer or Normal(
            std=math.sqrt(2 * self.groups / (channels * area))
        )
        self.add_parameter(
            "weight", (*self.kernel_size, self.filters // self.groups, channels), initializer
        )
        self._add_bias(self.filters)
        return (*size, self.filters)

    def convolution(self, input_shape: Shape) -> Convolution:
        """Return the sizes of the convolution that is run backwards: its input is the output."""
        size = self._output_size(input_shape[0], input_shape[1])
        return Convolution(
            (*size, self.filters),
            self.parameters["weight"].shape,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )

    def _geometry(self, ctx: Context, x: Any) -> ops.Conv2dGeometry:
        """Return the sizes as `cnnrs.ops` takes them, made once per batch size."""
        return ctx.once("geometry", lambda: self.convolution(x.shape[1:]).geometry)

    def _scale_of_weight(self, scale: Any) -> Any:
        """Return the factors for the third axis of the weight.

        This axis counts the output channels of a group; the groups share the last axis.
        """
        inputs = self.parameters["weight"].shape[3] // self.groups
        return np.repeat(scale.reshape(self.groups, -1).T, inputs, axis=1)

    def compute(
        self, ctx: Context, x: Any, *, fold: Callable[[], Operands] | None = None, **fused: Any
    ) -> Any:
        """Run the convolution's backward pass as a forward pass."""
        y = ctx.out()
        weight, bias = self._operands(ctx, fold)
        ops.conv2d_backward_input(x, weight, geometry=self._geometry(ctx, x), **fused, out=y)
        return y if bias is None else np.add(y, bias, out=y)

    def differentiate(self, ctx: Context, grad_output: Any, activation_output: Any = None) -> Any:
        """Compute the gradients of weight, bias and input; the last is the convolution itself."""
        geometry = self._geometry(ctx, ctx.saved.x)
        if ctx.needs_parameter_gradients:
            ops.conv2d_backward_weight(
                ctx.saved.x,
                grad_output,
                geometry=geometry,
                **ctx.parameter_destination("weight"),
            )
            if self.use_bias:
                ops.conv2d_backward_bias(grad_output, **ctx.parameter_destination("bias"))
        if not ctx.needs_input_gradient():
            return None
        return ops.conv2d(grad_output, ctx.parameter("weight"), geometry=geometry, out=ctx.out())

    def work(self, input_shape: Shape) -> Work:  # type: ignore[override]
        """Return the products of all pixels with the filters, and the kernels."""
        kernels = kernels_of(
            self.convolution(input_shape),
            [
                ("forward", "backward_input"),
                ("backward_weight", "backward_weight"),
                ("backward_input", "forward"),
            ],
        )
        weight = math.prod(self.parameters["weight"].shape)
        return Work(math.prod(input_shape[:2]) * weight, kernels)

    def field_of_view(self, input_shape: Shape) -> FieldOfView:
        """Return the window of inputs that can meet in one output.

        The number of outputs for each place of the window is the stride.
        """
        border = sides(
            self._output_size(*input_shape[:2]),
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
        )
        reach = [
            (size - 1) * spread
            for size, spread in zip(self.kernel_size, self.dilation, strict=True)
        ]
        count = [far // step + 1 for far, step in zip(reach, self.stride, strict=True)]
        # output 0 sees input pixels from ceil((padding - reach) / stride) on
        before = [(reach[axis] - border[2 * axis]) // self.stride[axis] for axis in (0, 1)]
        after = [(reach[axis] - border[2 * axis + 1]) // self.stride[axis] for axis in (0, 1)]
        return FieldOfView(
            (count[0], count[1]),
            padding=(before[0], after[0], before[1], after[1]),
            upsampling=self.stride,
        )
