"""Dropout: noise that keeps a network from relying on single activations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnrs import _arguments, ops
from cnnrs.errors import ArgumentError
from cnnrs.layers.base import Layer, Traits
from cnnrs.layers.context import Context
from cnnrs.layers.geometry import check_image
from cnnrs.layers.node import Shape

__all__ = ["Dropout", "GaussianDropout", "SpatialDropout2D"]


class Dropout(Layer):
    """Set a random part of the activations to zero in training, and multiply the others by ``1 / (1
    - rate)``.

    In prediction the output is the input, bit for bit. The mask is a function of seed, layer and
    step alone.

    Parameters
    ----------
    rate : float
        Probability of becoming zero, ``0 <= rate < 1``.
    name : str, optional

    Raises
    ------
    ArgumentError
        For a rate out of range.

    References
    ----------
    N. Srivastava et al.: Dropout: A Simple Way to Prevent Neural Networks from Overfitting. JMLR
    15, 2014.

    Examples
    --------
    >>> import cnnrs
    >>> model = cnnrs.Sequential((3,), [Dropout(0.5)])
    >>> model([[1.0, 2.0, 3.0]]).tolist()
    [[1.0, 2.0, 3.0]]
    """

    traits = Traits(
        saves_input=False,
        saves_output=False,
        in_place=True,
        identity_in_prediction=True,
        non_negative="keeps",
    )

    def __init__(self, rate: float = 0.5, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.rate = _arguments.number("rate", rate, 0, 1)
        if self.rate == 1:
            raise ArgumentError("rate: expected 0 <= rate < 1, got 1; nothing would be left")

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """The shape stays."""
        return input_shape

    def forward(self, ctx: Context, x: Any) -> Any:
        """Zero some activations."""
        if not ctx.training:
            return x
        return ops.dropout(
            x, self.rate, seed=ctx.seed, stream=ctx.stream, step=ctx.step, out=ctx.out()
        )

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """The same mask on the gradient."""
        return ops.dropout(
            grad_output, self.rate, seed=ctx.seed, stream=ctx.stream, step=ctx.step, out=ctx.out()
        )


class SpatialDropout2D(Dropout):
    """Set random channels of images to zero in training, each whole, and multiply the others by ``1
    / (1 - rate)``.

    Neighbouring pixels of a channel are alike; where single ones are dropped, the rest still tells
    what was there. In prediction the output is the input, bit for bit.

    Parameters
    ----------
    rate : float
        Probability of becoming zero, ``0 <= rate < 1``.
    name : str, optional

    Raises
    ------
    ArgumentError
        For a rate out of range.

    References
    ----------
    J. Tompson et al.: Efficient Object Localization Using Convolutional Networks. CVPR 2015.

    Examples
    --------
    >>> import cnnrs
    >>> model = cnnrs.Sequential((1, 1, 2), [SpatialDropout2D(0.5)])
    >>> model([[[[1.0, 2.0]]]]).tolist()
    [[[[1.0, 2.0]]]]
    """

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """The shape, of images, stays."""
        return check_image(self, input_shape)

    def _factors(self, ctx: Context, count: int, channels: int) -> Any:
        """0 or ``1 / (1 - rate)`` for each channel of each image."""
        ones = np.ones((count, 1, 1, channels), ctx.dtype)
        return ops.dropout(
            ones, self.rate, seed=ctx.seed, stream=ctx.stream, step=ctx.step, out=ones
        )

    def forward(self, ctx: Context, x: Any) -> Any:
        """Zero some channels."""
        if not ctx.training:
            return x
        return np.multiply(x, self._factors(ctx, x.shape[0], x.shape[3]), out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """The same channels of the gradient."""
        return np.multiply(
            grad_output,
            self._factors(ctx, grad_output.shape[0], grad_output.shape[3]),
            out=ctx.out(),
        )


class GaussianDropout(Dropout):
    """Multiply activations in training by normal numbers of mean 1 and variance ``rate / (1 -
    rate)``, that of `Dropout`.

    In prediction the output is the input, bit for bit.

    Parameters
    ----------
    rate : float
        ``0 <= rate < 1``.
    name : str, optional

    Raises
    ------
    ArgumentError
        For a rate out of range.

    References
    ----------
    N. Srivastava et al.: Dropout: A Simple Way to Prevent Neural Networks from Overfitting. JMLR
    15, 2014, section 10.

    Examples
    --------
    >>> import cnnrs
    >>> model = cnnrs.Sequential((3,), [GaussianDropout(0.5)])
    >>> model([[1.0, 2.0, 3.0]]).tolist()
    [[1.0, 2.0, 3.0]]
    """

    traits = Traits(
        saves_input=False, saves_output=False, in_place=True, identity_in_prediction=True
    )

    def _noisy(self, ctx: Context, x: Any) -> Any:
        std = math.sqrt(self.rate / (1 - self.rate))
        return ops.gaussian_noise(
            x, std, seed=ctx.seed, stream=ctx.stream, step=ctx.step, out=ctx.out()
        )

    def forward(self, ctx: Context, x: Any) -> Any:
        """Multiply by noise."""
        return self._noisy(ctx, x) if ctx.training else x

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """The same noise on the gradient."""
        return self._noisy(ctx, grad_output)
