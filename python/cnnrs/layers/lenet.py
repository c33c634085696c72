"""The parts of the original LeNet-5 that nets of today have no more: feature maps that see some of
the others, scaled pooling, codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnrs import _arguments, ops
from cnnrs._arguments import PairLike
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.initializers import Constant, Normal
from cnnrs.layers.base import Layer, Traits, Window
from cnnrs.layers.context import Context
from cnnrs.layers.geometry import check_image, output_size
from cnnrs.layers.node import Shape, shape_text

__all__ = ["ChannelScale", "RBFCodes", "TableConv2D"]


class ChannelScale(Layer):
    """Multiply each channel by a number and add another, both learnt.

    Behind `AveragePool2D` it is the trainable subsampling of LeNet-5.

    Parameters
    ----------
    initial_scale : float
        Where the factors start; the summands start at 0.
    name : str, optional

    Attributes
    ----------
    scale, bias : ndarray of shape (channels,)

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [ChannelScale(3.0)])([[1.0, 2.0]]).tolist()
    [[3.0, 6.0]]
    """

    traits = Traits(saves_output=False, affine_in_prediction=True)

    def __init__(self, initial_scale: float = 1.0, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.initial_scale = _arguments.number("initial_scale", initial_scale)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare factors and summands; the shape stays."""
        self.add_parameter("scale", input_shape[-1:], Constant(self.initial_scale))
        self.add_parameter("bias", input_shape[-1:], "zeros")
        return input_shape

    def scale_and_shift(self) -> tuple[Any, Any]:
        """Factor and summand of each channel."""
        return self.parameters["scale"].peek().astype(np.float64), self.parameters[
            "bias"
        ].peek().astype(np.float64)

    def forward(self, ctx: Context, x: Any) -> Any:
        """``x · scale + bias``."""
        ctx.save(x=x)
        return ops.scale_shift(x, self.scale, self.bias, out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Gradients of factors, summands and input."""
        if ctx.needs_parameter_gradients:
            channels = grad_output.shape[-1]
            ops.conv2d_backward_bias(
                (grad_output * ctx.saved.x).reshape(-1, channels),
                **ctx.parameter_destination("scale"),
            )
            ops.conv2d_backward_bias(
                grad_output.reshape(-1, channels), **ctx.parameter_destination("bias")
            )
        if not ctx.needs_input_gradient():
            return None
        return ops.scale_shift_backward(grad_output, self.scale, **ctx.input_destination())


class TableConv2D(Layer):
    """A convolution each of whose filters sees some of the channels only, as a table says.

    Parameters
    ----------
    table : sequence of sequence of int
        For each filter, the channels that it sees, counted from 0.
    kernel_size : int or (height, width)
    name : str, optional

    Attributes
    ----------
    weight : ndarray of shape (kernel_height, kernel_width, connections)
        Filter after filter, in the order of the table.
    bias : ndarray of shape (filters,)

    References
    ----------
    Y. LeCun et al.: Gradient-based learning applied to document recognition. Proceedings of the
    IEEE, 1998, table I.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((8, 8, 3), [TableConv2D([[0, 1], [2], [0, 1, 2]], 5)]).num_parameters
    153
    """

    traits = Traits(saves_output=False)

    def __init__(
        self, table: Sequence[Sequence[int]], kernel_size: PairLike, *, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        if not _arguments.is_sequence(table) or not all(
            _arguments.is_sequence(row) for row in table
        ):
            raise ShapeError(
                f"table: expected for each filter the channels that it sees, got {table!r}"
            )
        self.table = tuple(
            tuple(_arguments.integer("table", channel) for channel in row) for row in table
        )
        self.kernel_size = _arguments.pair("kernel_size", kernel_size)
        if not self.table or not all(row and len(set(row)) == len(row) for row in self.table):
            raise ArgumentError(
                "table: expected at least one filter, and for each at least one channel, none twice"
            )
        self._channels = [channel for row in self.table for channel in row]
        self._filters = [number for number, row in enumerate(self.table) for _ in row]

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare weight and bias for images of that shape."""
        height, width, channels = check_image(self, input_shape)
        if max(self._channels) >= channels:
            raise ShapeError(
                f"table: channel {max(self._channels)} is named, but {shape_text(input_shape)} has "
                f"channels 0 to {channels - 1}"
            )
        size = output_size((height, width), self.kernel_size, (1, 1), 0, (1, 1), "floor")
        inputs = self.kernel_size[0] * self.kernel_size[1] * len(self._channels) / len(self.table)
        self.add_parameter(
            "weight", (*self.kernel_size, len(self._channels)), Normal(std=inputs**-0.5)
        )
        self.add_parameter("bias", (len(self.table),), "zeros")
        return (*size, len(self.table))

    def _whole(self, channels: int) -> Any:
        """The weight of an ordinary convolution, zero where there is no connection."""
        weight = np.zeros((*self.kernel_size, channels, len(self.table)), self.weight.dtype)
        weight[:, :, self._channels, self._filters] = self.weight
        return weight

    def forward(self, ctx: Context, x: Any) -> Any:
        """Convolve a batch of images."""
        ctx.save(x=x)
        return ops.conv2d(x, self._whole(x.shape[3]), self.bias, out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Gradients of weight, bias and input."""
        x = ctx.saved.x
        if ctx.needs_parameter_gradients:
            whole = ops.conv2d_backward_weight(grad_output, x, self.kernel_size)
            ctx.gradient("weight")[...] += whole[:, :, self._channels, self._filters]
            ops.conv2d_backward_bias(grad_output, **ctx.parameter_destination("bias"))
        if not ctx.needs_input_gradient():
            return None
        return ops.conv2d_backward_input(
            grad_output, self._whole(x.shape[3]), x.shape, **ctx.input_destination()
        )

    def multiplications_per_output(self, input_shape: Shape) -> int:  # type: ignore[override]
        """Kernel height x kernel width x channels that a filter sees, on average and rounded."""
        return round(
            self.kernel_size[0] * self.kernel_size[1] * len(self._channels) / len(self.table)
        )

    def window(self, input_shape: Shape) -> Window:
        """The window of a filter."""
        return Window(self.kernel_size)


class RBFCodes(Layer):
    """Minus half the squared distance to a fixed code for each class: the output of LeNet-5, as
    logits.

    The codes consist of 1 and -1. LeCun et al. drew them as small pictures of the characters and
    say that random ones would do for most uses; these are random, fixed by the model's seed, and
    saved with it.

    Parameters
    ----------
    classes : int
    name : str, optional

    Attributes
    ----------
    codes : ndarray of shape (classes, features)
        State: not trained.

    References
    ----------
    Y. LeCun et al.: Gradient-based learning applied to document recognition. Proceedings of the
    IEEE, 1998, section II.B.

    Examples
    --------
    >>> import cnnrs
    >>> model = cnnrs.Sequential((84,), [RBFCodes(10)])
    >>> model.output_shape, model.num_parameters
    ((10,), 0)
    """

    traits = Traits(saves_output=False)

    def __init__(self, classes: int, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.classes = _arguments.integer("classes", classes, 1)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare the codes."""
        if len(input_shape) != 1:
            raise ShapeError(
                f"RBFCodes needs a vector of features, got {shape_text(input_shape)}; put Flatten "
                "in front"
            )
        self.add_parameter("codes", (self.classes, input_shape[0]), "signs", trainable=False)
        return (self.classes,)

    def forward(self, ctx: Context, x: Any) -> Any:
        """``-|x - code|² / 2`` = ``x·code - (|x|² + |code|²) / 2``."""
        ctx.save(x=x)
        y = ops.matmul(x, self.codes, transpose_b=True, out=ctx.out())
        y -= 0.5 * ((x * x).sum(axis=1, keepdims=True) + (self.codes * self.codes).sum(axis=1))
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """``Σ_k g_k (code_k - x)``."""
        gradient = ops.matmul(grad_output, self.codes)
        gradient -= grad_output.sum(axis=1, keepdims=True) * ctx.saved.x
        return gradient

    def multiplications_per_output(self, input_shape: Shape) -> int:  # type: ignore[override]
        """One for each feature."""
        return input_shape[0]
