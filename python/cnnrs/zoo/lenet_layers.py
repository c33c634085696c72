"""Layers of the original LeNet-5 that later networks no longer have.

A convolution by a table of connections, scaled pooling, and an output by distances to fixed codes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnrs import _arguments, ops
from cnnrs._arguments import PairLike
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.initializers import Constant, Normal
from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.facts import FieldOfView, Memory, Work
from cnnrs.layers.geometry import check_image, output_size
from cnnrs.layers.node import Shape, shape_text
from cnnrs.model import fusion

__all__ = ["ChannelScale", "RBFCodes", "TableConv2D"]


def channel_scale_into_weights(
    first: Layer | None, second: Layer, facts: fusion.PairFacts
) -> Layer | None:
    """Fold a `ChannelScale` into the weights of the preceding layer, in prediction."""
    if type(second) is ChannelScale:
        return fusion.fold(first, second, facts)
    return None


fusion.RULES.append(channel_scale_into_weights)


class ChannelScale(Layer):
    """Multiply each channel by a learnt factor and add a learnt bias.

    After `AveragePool2D` this is the trainable subsampling of LeNet-5.

    Parameters
    ----------
    initial_scale : float
        Initial value of the factors; the biases are initially 0.
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

    memory = Memory(saves_output=False)

    def __init__(self, initial_scale: float = 1.0, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.initial_scale = _arguments.number("initial_scale", initial_scale)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare factors and biases; return the same shape."""
        self.add_parameter("scale", input_shape[-1:], Constant(self.initial_scale))
        self.add_parameter("bias", input_shape[-1:], "zeros")
        return input_shape

    def scale_and_shift(self, read: Callable[[str], Any]) -> tuple[Any, Any]:
        """Return factor and bias of each channel; `read` returns a parameter by name."""
        return read("scale").astype(np.float64), read("bias").astype(np.float64)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Compute ``x · scale + bias``."""
        ctx.save(x=x)
        return ops.scale_shift(x, ctx.parameter("scale"), ctx.parameter("bias"), out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Compute the gradients of factors, biases and input."""
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
        return ops.scale_shift_backward(
            grad_output, ctx.parameter("scale"), **ctx.input_destination()
        )


class TableConv2D(Layer):
    """Convolution whose filters each see only some of the channels, as given by a table.

    Parameters
    ----------
    table : sequence of sequence of int
        For each filter, the numbers of the channels that it sees, from 0.
    kernel_size : int or (height, width)
    name : str, optional

    Attributes
    ----------
    weight : ndarray of shape (kernel_height, kernel_width, connections)
        The connections of the first filter first, in the order of the table.
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

    memory = Memory(saves_output=False)

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
        """Declare weight and bias for images of this shape."""
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

    def _whole(self, ctx: Context, channels: int) -> Any:
        """Return the weight of an ordinary convolution, zero where there is no connection."""
        connections = ctx.parameter("weight")
        weight = np.zeros((*self.kernel_size, channels, len(self.table)), connections.dtype)
        weight[:, :, self._channels, self._filters] = connections
        return weight

    def forward(self, ctx: Context, x: Any) -> Any:
        """Convolve a batch of images."""
        ctx.save(x=x)
        return ops.conv2d(x, self._whole(ctx, x.shape[3]), ctx.parameter("bias"), out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Compute the gradients of weight, bias and input."""
        x = ctx.saved.x
        if ctx.needs_parameter_gradients:
            whole = ops.conv2d_backward_weight(grad_output, x, self.kernel_size)
            ctx.gradient("weight")[...] += whole[:, :, self._channels, self._filters]
            ops.conv2d_backward_bias(grad_output, **ctx.parameter_destination("bias"))
        if not ctx.needs_input_gradient():
            return None
        return ops.conv2d_backward_input(
            grad_output, self._whole(ctx, x.shape[3]), x.shape, **ctx.input_destination()
        )

    def work(self, input_shape: Shape) -> Work:  # type: ignore[override]
        """Return the products of the connections with all windows."""
        height, width, _ = self.build(input_shape)
        return Work(height * width * math.prod(self.parameters["weight"].shape))

    def field_of_view(self, input_shape: Shape) -> FieldOfView:
        """Return the window of a filter."""
        return FieldOfView(self.kernel_size)


class RBFCodes(Layer):
    """Compute minus half the squared distance to a code for each class: the logits of LeNet-5.

    The codes consist of 1 and -1. LeCun et al. drew them as small pictures of the characters, and
    write that random codes serve as well in most cases. Here they are random, fixed by the seed of
    the model, and saved with it.

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

    memory = Memory(saves_output=False)

    def __init__(self, classes: int, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.classes = _arguments.integer("classes", classes, 1)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare the codes."""
        if len(input_shape) != 1:
            raise ShapeError(
                f"RBFCodes needs a vector of features, got {shape_text(input_shape)}; put Flatten "
                "before it"
            )
        self.add_parameter("codes", (self.classes, input_shape[0]), "signs", trainable=False)
        return (self.classes,)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Compute ``-|x - code|² / 2`` = ``x·code - (|x|² + |code|²) / 2``."""
        ctx.save(x=x)
        codes = ctx.parameter("codes")
        y = ops.matmul(x, codes, transpose_b=True, out=ctx.out())
        y -= 0.5 * ((x * x).sum(axis=1, keepdims=True) + (codes * codes).sum(axis=1))
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Compute ``Σ_k g_k (code_k - x)``."""
        gradient = ops.matmul(grad_output, ctx.parameter("codes"))
        gradient -= grad_output.sum(axis=1, keepdims=True) * ctx.saved.x
        return gradient

    def work(self, input_shape: Shape) -> Work:  # type: ignore[override]
        """Return one product for each value of the codes."""
        return Work(input_shape[0] * self.classes)
