"""Pooling: one number for each window, in each channel by itself."""

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
from cnnrs.layers.facts import WHOLE_INPUT, Facts, FieldOfView, Memory, Work
from cnnrs.layers.geometry import check_image, output_size, sides
from cnnrs.layers.node import Shape

__all__ = ["AveragePool2D", "GlobalAveragePool2D", "GlobalMaxPool2D", "LpPool2D", "MaxPool2D"]


@_renamed.keywords(spellings.ARGUMENTS)
class Pool2D(Layer):
    """Base class of pooling by a window that slides over the image.

    Parameters
    ----------
    kernel_size : int or (height, width)
        Size of the window.
    stride : int or (height, width), optional
        Pixels by which the window moves; by default its size, so that windows do not overlap.
    padding : int, (height, width), ((top, bottom), (left, right)), "same" or "valid"
        At most half the window; padding never wins a maximum and never counts in an average.
    rounding : {"floor", "ceil", "exact"}
        Whether border pixels that no whole window reaches are left unused, are covered by a window
        that extends beyond the image, or are an error.
    name : str, optional
    """

    def __init__(
        self,
        kernel_size: PairLike = 2,
        stride: PairLike | None = None,
        *,
        padding: PaddingLike = 0,
        rounding: str = "floor",
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.kernel_size = _arguments.pair("kernel_size", kernel_size)
        self.stride = self.kernel_size if stride is None else _arguments.pair("stride", stride)
        self.padding = _arguments.padding("padding", padding)
        self.rounding = _arguments.choice("rounding", rounding, ("floor", "ceil", "exact"))

    def _shown(self) -> dict[str, Any]:
        """Return the default stride where the window moves by its size."""
        shown = super()._shown()
        return {**shown, "stride": None} if self.stride == self.kernel_size else shown

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Return the size of the output; the channels stay the same."""
        height, width, channels = check_image(self, input_shape)
        top, bottom, left, right = sides(
            (height, width), self.kernel_size, self.stride, self.padding, (1, 1)
        )
        if 2 * max(top, bottom) > self.kernel_size[0] or 2 * max(left, right) > self.kernel_size[1]:
            raise ShapeError(
                f"padding: expected at most half of the window {self.kernel_size}, got "
                f"{self.padding!r}"
            )
        return (
            *output_size(
                (height, width), self.kernel_size, self.stride, self.padding, (1, 1), self.rounding
            ),
            channels,
        )

    def field_of_view(self, input_shape: Shape) -> FieldOfView:
        """Return the pooling window."""
        return FieldOfView(
            self.kernel_size,
            self.stride,
            sides(
                (input_shape[0], input_shape[1]),
                self.kernel_size,
                self.stride,
                self.padding,
                (1, 1),
            ),
        )

    def work(self, input_shape: Shape) -> Work:  # type: ignore[override]
        """Return the pixels that no window reaches."""
        size, (height, width, _) = (input_shape[0], input_shape[1]), self.build(input_shape)
        border = self.field_of_view(input_shape).unused_border(size, (height, width))
        return Work(unused_border=border)

    @property
    def _geometry(self) -> dict[str, Any]:
        """The arguments that all pooling functions of `cnnrs.ops` take."""
        return {
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": self.padding,
            "rounding": self.rounding,
        }


class MaxPool2D(Pool2D):
    """Keep the largest value of each window; of equal ones the first, row by row.

    Parameters
    ----------
    kernel_size : int or (height, width)
        Size of the window.
    stride : int or (height, width), optional
        Pixels by which the window moves; by default its size, so that windows do not overlap.
    padding : int, (height, width), ((top, bottom), (left, right)), "same" or "valid"
        At most half the window; padding is never chosen.
    rounding : {"floor", "ceil", "exact"}
        Whether border pixels that no whole window reaches are left unused, are covered by a window
        that extends beyond the image, or are an error.
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> model = cnnrs.Sequential((4, 4, 1), [MaxPool2D(2)])
    >>> image = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])
    >>> model(image[None, :, :, None])[0, :, :, 0].tolist()
    [[6.0, 8.0], [3.0, 4.0]]
    """

    memory = Memory(saves_input=False, saves_output=False)
    facts = Facts(non_negative="keeps")

    def scratch(self, input_shape: Shape) -> dict[str, tuple[Shape, DTypeLike | None]]:  # type: ignore[override]
        """Ask for the place of the largest pixel."""
        return {"argmax": (self.build(input_shape), np.int32)}

    def forward(self, ctx: Context, x: Any) -> Any:
        """Compute the largest value of each window."""
        y, argmax = ops.max_pool2d(x, **self._geometry, out=(ctx.out(), ctx.scratch("argmax")))
        ctx.save(argmax=argmax, shape=x.shape)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Pass the gradient to the pixel that was the largest."""
        saved = ctx.saved
        return ops.max_pool2d_backward(
            grad_output, saved.argmax, saved.shape, **self._geometry, **ctx.input_destination()
        )


@_renamed.keywords(spellings.ARGUMENTS)
class AveragePool2D(Pool2D):
    """Compute the mean of each window; padding does not count.

    Parameters
    ----------
    kernel_size : int or (height, width)
        Size of the window.
    stride : int or (height, width), optional
        Pixels by which the window moves; by default its size, so that windows do not overlap.
    padding : int, (height, width), ((top, bottom), (left, right)), "same" or "valid"
        At most half the window.
    rounding : {"floor", "ceil", "exact"}
        Whether border pixels that no whole window reaches are left unused, are covered by a window
        that extends beyond the image, or are an error.
    count_include_pad : bool
        Whether to divide by the size of the window even where part of it is padding.
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> cnnrs.Sequential((2, 2, 1), [AveragePool2D(2)])(np.arange(4).reshape(1, 2, 2, 1)).tolist()
    [[[[1.5]]]]
    """

    memory = Memory(saves_input=False, saves_output=False)
    facts = Facts(non_negative="keeps")
    head = "keeps"

    def __init__(
        self,
        kernel_size: PairLike = 2,
        stride: PairLike | None = None,
        *,
        padding: PaddingLike = 0,
        rounding: str = "floor",
        count_include_pad: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding=padding, rounding=rounding, name=name)
        self.count_include_pad = _arguments.flag("count_include_pad", count_include_pad)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Compute the mean of each window."""
        ctx.save(shape=x.shape)
        return ops.average_pool2d(
            x, **self._geometry, count_include_pad=self.count_include_pad, out=ctx.out()
        )

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Pass an equal part of the gradient to every pixel of a window."""
        return ops.average_pool2d_backward(
            grad_output,
            ctx.saved.shape,
            **self._geometry,
            count_include_pad=self.count_include_pad,
            **ctx.input_destination(),
        )


@_renamed.keywords(spellings.ARGUMENTS)
class LpPool2D(Pool2D):
    """Compute the p-norm of each window, ``sum(|x|^p)^(1/p)``: L2 pooling at ``p=2``.

    The gradient at a window of zeros is 0.

    Parameters
    ----------
    kernel_size : int or (height, width)
        Size of the window.
    stride : int or (height, width), optional
        Pixels by which the window moves; by default its size, so that windows do not overlap.
    padding : int, (height, width), ((top, bottom), (left, right)), "same" or "valid"
        At most half the window.
    rounding : {"floor", "ceil", "exact"}
        Whether border pixels that no whole window reaches are left unused, are covered by a window
        that extends beyond the image, or are an error.
    p : float
        At least 1.
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((1, 2, 1), [LpPool2D((1, 2))])([[[[3.0], [4.0]]]]).tolist()
    [[[[5.0]]]]
    """

    facts = Facts(non_negative="always")

    def __init__(
        self,
        kernel_size: PairLike = 2,
        stride: PairLike | None = None,
        *,
        padding: PaddingLike = 0,
        rounding: str = "floor",
        p: float = 2,
        name: str | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding=padding, rounding=rounding, name=name)
        self.p = _arguments.number("p", p, 1)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Compute the norm of each window."""
        y = ops.lp_pool2d(x, **self._geometry, p=self.p, out=ctx.out())
        ctx.save(x=x, y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Pass the gradient to pixels in proportion to their part in the norm."""
        return ops.lp_pool2d_backward(
            grad_output,
            ctx.saved.x,
            ctx.saved.y,
            **self._geometry,
            p=self.p,
            **ctx.input_destination(),
        )


class _GlobalPool2D(Layer):
    """Base class of pooling over the whole image."""

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Return the number of channels."""
        return (check_image(self, input_shape)[2],)

    def field_of_view(self, input_shape: Shape) -> FieldOfView:
        """Return the whole image."""
        return WHOLE_INPUT


class GlobalAveragePool2D(_GlobalPool2D):
    """Compute the mean of each channel over the whole image.

    References
    ----------
    M. Lin, Q. Chen, S. Yan: Network In Network. ICLR 2014.

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> model = cnnrs.Sequential((2, 2, 1), [GlobalAveragePool2D()])
    >>> model(np.arange(4).reshape(1, 2, 2, 1)).tolist()
    [[1.5]]
    """

    memory = Memory(saves_input=False, saves_output=False)
    facts = Facts(non_negative="keeps")
    head = "keeps"

    def forward(self, ctx: Context, x: Any) -> Any:
        """Compute the mean of each channel."""
        ctx.save(shape=x.shape)
        return ops.global_average_pool2d(x, out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Pass an equal part of the gradient to every pixel."""
        return ops.global_average_pool2d_backward(
            grad_output, ctx.saved.shape, **ctx.input_destination()
        )


class GlobalMaxPool2D(_GlobalPool2D):
    """Compute the largest value of each channel over the whole image.

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> cnnrs.Sequential((2, 2, 1), [GlobalMaxPool2D()])(np.arange(4).reshape(1, 2, 2, 1)).tolist()
    [[3.0]]
    """

    memory = Memory(saves_input=False, saves_output=False)
    facts = Facts(non_negative="keeps")

    def scratch(self, input_shape: Shape) -> dict[str, tuple[Shape, DTypeLike | None]]:  # type: ignore[override]
        """Ask for the place of the largest pixel."""
        return {"argmax": ((1, 1, input_shape[2]), np.int32)}

    def forward(self, ctx: Context, x: Any) -> Any:
        """Compute the largest value of each channel."""
        y, argmax = ctx.out(), ctx.scratch("argmax")
        ops.max_pool2d(x, x.shape[1:3], out=(y.reshape(argmax.shape), argmax))
        ctx.save(argmax=argmax, shape=x.shape)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Pass the gradient to the pixel that was the largest."""
        argmax, shape = ctx.saved.argmax, ctx.saved.shape
        return ops.max_pool2d_backward(
            grad_output.reshape(argmax.shape),
            argmax,
            shape,
            kernel_size=shape[1:3],
            **ctx.input_destination(),
        )
