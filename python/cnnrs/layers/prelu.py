"""Parametric ReLU: a leaky ReLU with a learnt slope."""

from __future__ import annotations

from typing import Any

from cnnrs import _arguments, _renamed, ops
from cnnrs.initializers import Constant
from cnnrs.layers import spellings
from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.facts import Facts, Memory
from cnnrs.layers.node import Shape

__all__ = ["PReLU"]


@_renamed.keywords(spellings.ARGUMENTS, initial_slope="negative_slope")
class PReLU(Layer):
    """Parametric ReLU: ``x`` above 0, ``slope * x`` below, with a learnt slope for each channel.

    Weight decay pulls the slopes towards 0, which is ReLU; the paper applies none to them.

    Parameters
    ----------
    negative_slope : float
        Initial value of the slopes.
    shared : bool
        Whether all channels share one slope.
    name : str, optional

    Attributes
    ----------
    slope : ndarray of shape (channels,), or (1,) if shared

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun: Delving Deep into Rectifiers. ICCV 2015.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [PReLU()])([[-2.0, 3.0]]).tolist()
    [[-0.5, 3.0]]
    """

    memory = Memory(saves_output=False)
    facts = Facts(non_negative="keeps")

    def __init__(
        self, negative_slope: float = 0.25, *, shared: bool = False, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self.negative_slope = _arguments.number("negative_slope", negative_slope)
        self.shared = _arguments.flag("shared", shared)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare the slopes; return the same shape."""
        self.add_parameter(
            "slope", (1,) if self.shared else input_shape[-1:], Constant(self.negative_slope)
        )
        return input_shape

    def _slopes(self, ctx: Context, channels: int) -> Any:
        slope = ctx.parameter("slope")
        return slope.repeat(channels) if self.shared else slope

    def forward(self, ctx: Context, x: Any) -> Any:
        """Multiply negative values by the slope."""
        ctx.save(x=x)
        return ops.prelu(x, self._slopes(ctx, x.shape[-1]), out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Compute the gradients of the slopes and the input."""
        x = ctx.saved.x
        if ctx.needs_parameter_gradients:
            if self.shared:
                ctx.gradient("slope")[...] += ops.prelu_backward_slope(grad_output, x).sum()
            else:
                ops.prelu_backward_slope(grad_output, x, **ctx.parameter_destination("slope"))
        if not ctx.needs_input_gradient():
            return None
        return ops.prelu_backward_input(
            grad_output, x, self._slopes(ctx, x.shape[-1]), **ctx.input_destination()
        )
