"""Layers that enlarge images, and pooling to a given size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from cnnrs import _arguments, _renamed, ops
from cnnrs._arguments import PaddingLike, PairLike
from cnnrs.errors import ShapeError
from cnnrs.layers import spellings
from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.facts import Facts, FieldOfView, Memory, Work
from cnnrs.layers.geometry import check_image
from cnnrs.layers.node import Shape, shape_text
from cnnrs.layers.pooling import Pool2D

__all__ = ["AdaptiveAveragePool2D", "MaxUnpool2D", "Upsample2D"]


@_renamed.keywords(spellings.ARGUMENTS)
class Upsample2D(Layer):
    """Enlarge images by an integer factor: repeat pixels, or interpolate between them.

    In bilinear interpolation the centres of pixels are at half-integers, so that the corners of
    both images coincide (``align_corners=False`` in PyTorch).

    Parameters
    ----------
    factor : int or (height, width)
    interpolation : {"nearest", "bilinear"}
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> model = cnnrs.Sequential((1, 2, 1), [Upsample2D((1, 2), "bilinear")])
    >>> model([[[[0.0], [4.0]]]]).ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """

    memory = Memory(saves_input=False, saves_output=False)
    facts = Facts(non_negative="keeps")

    def __init__(
        self, factor: PairLike = 2, interpolation: str = "nearest", *, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self.factor = _arguments.pair("factor", factor)
        self.interpolation = _arguments.choice(
            "interpolation", interpolation, ("nearest", "bilinear")
        )

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Multiply height and width by the factor."""
        height, width, channels = check_image(self, input_shape)
        return height * self.factor[0], width * self.factor[1], channels

    def field_of_view(self, input_shape: Shape) -> FieldOfView:
        """Return one pixel, or the four pixels around a place."""
        if self.interpolation == "nearest":
            return FieldOfView(upsampling=self.factor)
        return FieldOfView((2, 2), padding=(1, 1, 1, 1), upsampling=self.factor)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Enlarge the images."""
        y = ctx.out()
        ctx.save(shape=x.shape)
        return ops.upsample2d(x, y.shape[1:3], interpolation=self.interpolation, out=y)

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Pass the gradients to the pixels that were copied, by their weights."""
        return ops.upsample2d_backward(
            grad_output,
            ctx.saved.shape,
            interpolation=self.interpolation,
            **ctx.input_destination(),
        )


@_renamed.keywords(spellings.ARGUMENTS)
class AdaptiveAveragePool2D(Layer):
    """Average windows that are chosen so that the output has a given size.

    Output ``o`` is the mean from pixel ``floor(o * in / out)`` to ``ceil((o + 1) * in / out)``, as
    in PyTorch: where the sizes do not divide, windows overlap; where the input is smaller, its
    pixels are repeated.

    Parameters
    ----------
    output_size : int or (height, width)
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((13, 13, 256), [AdaptiveAveragePool2D(6)]).output_shape
    (6, 6, 256)
    """

    memory = Memory(saves_input=False, saves_output=False)
    facts = Facts(non_negative="keeps")

    def __init__(self, output_size: PairLike, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.output_size = _arguments.pair("output_size", output_size)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Return the given size, and the channels of the input."""
        return (*self.output_size, check_image(self, input_shape)[2])

    def field_of_view(self, input_shape: Shape) -> FieldOfView:
        """Return the widest window; it is exact where the sizes divide."""
        strides = [
            max(1, size // count)
            for size, count in zip(input_shape[:2], self.output_size, strict=True)
        ]
        kernels = [
            -(-size // count) + (size % count > 0)
            for size, count in zip(input_shape[:2], self.output_size, strict=True)
        ]
        return FieldOfView((kernels[0], kernels[1]), (strides[0], strides[1]))

    def forward(self, ctx: Context, x: Any) -> Any:
        """Compute the mean of each window."""
        ctx.save(shape=x.shape)
        return ops.adaptive_average_pool2d(x, self.output_size, out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Pass an equal part of the gradient to every pixel of a window."""
        return ops.adaptive_average_pool2d_backward(
            grad_output, ctx.saved.shape, **ctx.input_destination()
        )


@_renamed.keywords(spellings.ARGUMENTS)
class MaxUnpool2D(Pool2D):
    """Put values where a `MaxPool2D` found the largest pixels, and zeros elsewhere.

    The layer is called on two nodes, ``MaxUnpool2D(2)([values, x])``: the values, which have the
    shape of the pooling's output, and ``x``, the pooling's input. It takes the same arguments as
    the pooling, and its output has the shape of ``x``. The places are computed again from ``x``.
    The gradient of ``x`` is 0, since a small change of ``x`` moves no place. Where several windows
    chose the same pixel, their values are added.

    Parameters
    ----------
    kernel_size, stride, padding, rounding
        As for the `MaxPool2D`.
    name : str, optional

    References
    ----------
    M. Zeiler, R. Fergus: Visualizing and Understanding Convolutional Networks. ECCV 2014.
    V. Badrinarayanan, A. Kendall, R. Cipolla: SegNet. PAMI 39, 2017.

    Examples
    --------
    >>> import cnnrs
    >>> from cnnrs.layers import MaxPool2D
    >>> x = cnnrs.Input((2, 2, 1))
    >>> model = cnnrs.Model(x, MaxUnpool2D(2)([MaxPool2D(2)(x), x]))
    >>> model([[[[1.0], [3.0]], [[2.0], [0.0]]]]).ravel().tolist()
    [0.0, 3.0, 0.0, 0.0]
    """

    memory = Memory(saves_input=False, saves_output=False)

    def __init__(
        self,
        kernel_size: PairLike = 2,
        stride: PairLike | None = None,
        *,
        padding: PaddingLike = 0,
        rounding: str = "floor",
        name: str | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding=padding, rounding=rounding, name=name)

    def build(self, *input_shape: Shape) -> Shape:
        """Return the shape of the second input."""
        if len(input_shape) != 2:
            raise ShapeError(
                "MaxUnpool2D takes two inputs, the values and what was pooled, got "
                f"{len(input_shape)}"
            )
        values, pooled_from = input_shape
        wanted = super().build(pooled_from)
        if values != wanted:
            raise ShapeError(
                f"MaxUnpool2D: pooling {shape_text(pooled_from)} gives {shape_text(wanted)}, but "
                f"the values are {shape_text(values)}"
            )
        return pooled_from

    def work(self, *input_shape: Shape) -> Work:
        """Return nothing: no sums of products, and no window that leaves pixels unused."""
        return Work()

    def scratch(self, *input_shape: Shape) -> dict[str, tuple[Shape, DTypeLike | None]]:
        """Ask for the places of the largest values."""
        return {"argmax": (input_shape[0], np.int32)}

    def forward(self, ctx: Context, *x: Any) -> Any:
        """Write the values to their places."""
        values, pooled_from = x
        y, argmax = ctx.out(), ctx.scratch("argmax")
        # The largest values themselves are not needed. Write them to the output, which has room for
        # them unless windows extend beyond the image.
        room = (
            y.reshape(-1)[: values.size].reshape(values.shape)
            if y.size >= values.size
            else np.empty_like(values)
        )
        ops.max_pool2d(pooled_from, **self._geometry, out=(room, argmax))
        ctx.save(argmax=argmax)
        return ops.max_unpool2d(values, argmax, y.shape, **self._geometry, out=y)

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Return the gradient at the places for the values, and zeros for the second input."""
        gradients: list[Any] = [None, None]
        if ctx.needs_input_gradient(0):
            gradients[0] = ops.max_unpool2d_backward(
                grad_output, ctx.saved.argmax, **ctx.input_destination(0)
            )
        if ctx.needs_input_gradient(1):
            to = ctx.input_destination(1)
            gradients[1] = to["out"]
            if not to["accumulate"]:
                to["out"].fill(0)
        return tuple(gradients)
