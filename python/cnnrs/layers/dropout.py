"""Dropout: noise in training, against overfitting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnrs import _arguments, _renamed, ops
from cnnrs.errors import ArgumentError
from cnnrs.layers import spellings
from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.facts import Facts, Memory
from cnnrs.layers.geometry import check_image
from cnnrs.layers.node import Shape

__all__ = ["Dropout", "GaussianDropout", "SpatialDropout2D"]


@_renamed.keywords(spellings.ARGUMENTS)
class Dropout(Layer):
    """Set random activations to zero in training, and multiply the others by ``1 / (1 - rate)``.

    In prediction the output equals the input, bit for bit. The mask depends on seed, layer and step
    alone.

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

    memory = Memory(saves_input=False, saves_output=False, in_place=True)
    facts = Facts(identity_in_prediction=True, non_negative="keeps")
    head = "keeps"

    def __init__(self, rate: float = 0.5, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.rate = _arguments.number("rate", rate, 0, 1)
        if self.rate == 1:
            raise ArgumentError("rate: expected 0 <= rate < 1, got 1; no activation would be left")

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Return the same shape."""
        return input_shape

    def forward(self, ctx: Context, x: Any) -> Any:
        """Set some activations to zero."""
        if not ctx.training:
            return x
        return ops.dropout(
            x, self.rate, seed=ctx.seed, stream=ctx.stream, step=ctx.step, out=ctx.out()
        )

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Apply the same mask to the gradient."""
        return ops.dropout(
            grad_output, self.rate, seed=ctx.seed, stream=ctx.stream, step=ctx.step, out=ctx.out()
        )


class SpatialDropout2D(Dropout):
    """Set random channels of images to zero in training, and multiply the others by ``1 / (1 -
    rate)``.

    Neighbouring pixels of a channel are similar: the value of a single dropped pixel can be guessed
    from the others. In prediction the output equals the input, bit for bit.

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

    memory = Dropout.memory
    facts = Dropout.facts

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Return the same shape, of images."""
        return check_image(self, input_shape)

    def _factors(self, ctx: Context, count: int, channels: int) -> Any:
        """Return 0 or ``1 / (1 - rate)`` for each channel of each image."""
        ones = np.ones((count, 1, 1, channels), ctx.dtype)
        return ops.dropout(
            ones, self.rate, seed=ctx.seed, stream=ctx.stream, step=ctx.step, out=ones
        )

    def forward(self, ctx: Context, x: Any) -> Any:
        """Set some channels to zero."""
        if not ctx.training:
            return x
        return np.multiply(x, self._factors(ctx, x.shape[0], x.shape[3]), out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Set the same channels of the gradient to zero."""
        return np.multiply(
            grad_output,
            self._factors(ctx, grad_output.shape[0], grad_output.shape[3]),
            out=ctx.out(),
        )


class GaussianDropout(Dropout):
    """Multiply activations in training by normal numbers of mean 1 and variance ``rate / (1 -
    rate)``.

    The factors of `Dropout` have the same mean and variance. In prediction the output equals the
    input, bit for bit.

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

    memory = Memory(saves_input=False, saves_output=False, in_place=True)
    facts = Facts(identity_in_prediction=True)

    def _noisy(self, ctx: Context, x: Any) -> Any:
        std = math.sqrt(self.rate / (1 - self.rate))
        return ops.gaussian_noise(
            x, std, seed=ctx.seed, stream=ctx.stream, step=ctx.step, out=ctx.out()
        )

    def forward(self, ctx: Context, x: Any) -> Any:
        """Multiply by noise."""
        return self._noisy(ctx, x) if ctx.training else x

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Multiply the gradient by the same noise."""
        return self._noisy(ctx, grad_output)
