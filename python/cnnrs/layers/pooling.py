"""Pooling: one number in place of each window, for each channel by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from cnnrs import _arguments, ops
from cnnrs._arguments import PaddingLike, PairLike
from cnnrs.errors import ShapeError
from cnnrs.layers.base import WHOLE, Layer, Traits, Window
from cnnrs.layers.context import Context
from cnnrs.layers.geometry import check_image, output_size, sides
from cnnrs.layers.node import Shape

__all__ = ["AveragePool2D", "GlobalAveragePool2D", "GlobalMaxPool2D", "LpPool2D", "MaxPool2D"]


class Pool2D(Layer):
    """Pooling by a window that slides.

    Parameters
    ----------
    kernel_size : int or (height, width)
        Size of the window.
    stride : int or (height, width), optional
        By how many pixels the window moves; by default its size, so that windows do not overlap.
    padding : int, (height, width), ((top, bottom), (left, right)), "same" or "valid"
        At most half the window; padding never wins a maximum and never counts in an average.
    rounding : {"floor", "ceil", "exact"}
        What to do with border pixels that no whole window reaches: leave them unused, add a window
        that hangs over, or refuse to build.
    name : str, optional
    """

    def __init__(
        self,
        kernel_size: PairLike = 2,
        stride: PairLike | None = None,
        padding: PaddingLike = 0,
        rounding: str = "floor",
        *,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.kernel_size = _arguments.pair("kernel_size", kernel_size)
        self.stride = self.kernel_size if stride is None else _arguments.pair("stride", stride)
        self.padding = padding
        self.rounding = _arguments.choice("rounding", rounding, ("floor", "ceil", "exact"))

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Height and width shrink, channels stay."""
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

    def window(self, input_shape: Shape) -> Window:
        """The pooling window."""
        return Window(
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

    @property
    def geometry(self) -> dict[str, Any]:
        """The arguments that all pooling operations take."""
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
        By how many pixels the window moves; by default its size, so that windows do not overlap.
    padding : int, (height, width), ((top, bottom), (left, right)), "same" or "valid"
        At most half the window; padding is never chosen.
    rounding : {"floor", "ceil", "exact"}
        What to do with border pixels that no whole window reaches: leave them unused, add a window
        that hangs over, or refuse to build.
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

    traits = Traits(saves_input=False, saves_output=False, non_negative="keeps")

    def halves(self, input_shape: Shape) -> bool:
        """Whether it takes windows of 2 × 2 pixels that lie side by side and inside the image."""
        height, width, channels = input_shape
        alone = self.kernel_size == self.stride == (2, 2) and not any(
            self.window(input_shape).padding
        )
        return alone and self.build(input_shape) == (height // 2, width // 2, channels)

    def scratch(self, input_shape: Shape) -> dict[str, tuple[Shape, DTypeLike | None]]:  # type: ignore[override]
        """Which pixel was the largest."""
        return {"argmax": (self.build(input_shape), np.int32)}

    def forward(self, ctx: Context, x: Any) -> Any:
        """The largest value of each window."""
        y, argmax = ops.max_pool2d(x, **self.geometry, out=(ctx.out(), ctx.scratch("argmax")))
        ctx.save(argmax=argmax, shape=x.shape)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """The gradient goes to the pixel that was the largest."""
        saved = ctx.saved
        return ops.max_pool2d_backward(
            grad_output, saved.argmax, saved.shape, **self.geometry, **ctx.input_destination()
        )


class AveragePool2D(Pool2D):
    """The mean of each window; padding does not count.

    Parameters
    ----------
    kernel_size : int or (height, width)
        Size of the window.
    stride : int or (height, width), optional
        By how many pixels the window moves; by default its size, so that windows do not overlap.
    padding : int, (height, width), ((top, bottom), (left, right)), "same" or "valid"
        At most half the window.
    rounding : {"floor", "ceil", "exact"}
        What to do with border pixels that no whole window reaches: leave them unused, add a window
        that hangs over, or refuse to build.
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

    traits = Traits(saves_input=False, saves_output=False, non_negative="keeps")

    def __init__(
        self,
        kernel_size: PairLike = 2,
        stride: PairLike | None = None,
        padding: PaddingLike = 0,
        rounding: str = "floor",
        *,
        count_include_pad: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, rounding, name=name)
        self.count_include_pad = _arguments.flag("count_include_pad", count_include_pad)

    def forward(self, ctx: Context, x: Any) -> Any:
        """The mean of each window."""
        ctx.save(shape=x.shape)
        return ops.avg_pool2d(
            x, **self.geometry, count_include_pad=self.count_include_pad, out=ctx.out()
        )

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Every pixel of a window gets an equal part."""
        return ops.avg_pool2d_backward(
            grad_output,
            ctx.saved.shape,
            **self.geometry,
            count_include_pad=self.count_include_pad,
            **ctx.input_destination(),
        )


class LpPool2D(Pool2D):
    """The p-norm of each window, ``sum(|x|^p)^(1/p)``: L2 pooling at ``p=2``. Its gradient at a
    window of zeros is 0.

    Parameters
    ----------
    kernel_size : int or (height, width)
        Size of the window.
    stride : int or (height, width), optional
        By how many pixels the window moves; by default its size, so that windows do not overlap.
    padding : int, (height, width), ((top, bottom), (left, right)), "same" or "valid"
        At most half the window.
    rounding : {"floor", "ceil", "exact"}
        What to do with border pixels that no whole window reaches: leave them unused, add a window
        that hangs over, or refuse to build.
    p : float
        At least 1.
    name : str, optional

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((1, 2, 1), [LpPool2D((1, 2))])([[[[3.0], [4.0]]]]).tolist()
    [[[[5.0]]]]
    """

    traits = Traits(non_negative="always")

    def __init__(
        self,
        kernel_size: PairLike = 2,
        stride: PairLike | None = None,
        padding: PaddingLike = 0,
        rounding: str = "floor",
        *,
        p: float = 2,
        name: str | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, rounding, name=name)
        self.p = _arguments.number("p", p, 1)

    def forward(self, ctx: Context, x: Any) -> Any:
        """The norm of each window."""
        y = ops.lp_pool2d(x, **self.geometry, p=self.p, out=ctx.out())
        ctx.save(x=x, y=y)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Pixels get the gradient in proportion to their part in the norm."""
        return ops.lp_pool2d_backward(
            grad_output,
            ctx.saved.x,
            ctx.saved.y,
            **self.geometry,
            p=self.p,
            **ctx.input_destination(),
        )


class _GlobalPool2D(Layer):
    """Pooling over the whole image."""

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """One number per channel."""
        return (check_image(self, input_shape)[2],)

    def window(self, input_shape: Shape) -> Window:
        """Every output sees the whole image."""
        return WHOLE


class GlobalAveragePool2D(_GlobalPool2D):
    """The mean of each channel over the whole image.

    References
    ----------
    M. Lin, Q. Chen, S. Yan: Network In Network. ICLR 2014.

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> cnnrs.Sequential((2, 2, 1), [GlobalAveragePool2D()])(np.arange(4).reshape(1, 2, 2, 1)).tolist()
    [[1.5]]
    """

    traits = Traits(saves_input=False, saves_output=False, non_negative="keeps")

    def forward(self, ctx: Context, x: Any) -> Any:
        """The mean of each channel."""
        ctx.save(shape=x.shape)
        return ops.global_avg_pool2d(x, out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Every pixel gets an equal part."""
        return ops.global_avg_pool2d_backward(
            grad_output, ctx.saved.shape, **ctx.input_destination()
        )


class GlobalMaxPool2D(_GlobalPool2D):
    """The largest value of each channel over the whole image.

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> cnnrs.Sequential((2, 2, 1), [GlobalMaxPool2D()])(np.arange(4).reshape(1, 2, 2, 1)).tolist()
    [[3.0]]
    """

    traits = Traits(saves_input=False, saves_output=False, non_negative="keeps")

    def scratch(self, input_shape: Shape) -> dict[str, tuple[Shape, DTypeLike | None]]:  # type: ignore[override]
        """Which pixel was the largest."""
        return {"argmax": ((1, 1, input_shape[2]), np.int32)}

    def forward(self, ctx: Context, x: Any) -> Any:
        """The largest value of each channel."""
        y, argmax = ctx.out(), ctx.scratch("argmax")
        ops.max_pool2d(x, x.shape[1:3], out=(y.reshape(argmax.shape), argmax))
        ctx.save(argmax=argmax, shape=x.shape)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """The gradient goes to the pixel that was the largest."""
        argmax, shape = ctx.saved.argmax, ctx.saved.shape
        return ops.max_pool2d_backward(
            grad_output.reshape(argmax.shape),
            argmax,
            shape,
            kernel_size=shape[1:3],
            **ctx.input_destination(),
        )
