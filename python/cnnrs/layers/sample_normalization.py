"""Normalisation of each sample by itself: equal in training and prediction, for any batch."""

from __future__ import annotations

import math
from typing import Any

from cnnrs import _arguments, _renamed, ops
from cnnrs.errors import ShapeError
from cnnrs.layers import spellings
from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.facts import Facts, Memory
from cnnrs.layers.node import Shape
from cnnrs.layers.normalization import channels_of

__all__ = ["GroupNorm", "InstanceNorm", "LayerNorm", "LocalResponseNorm"]


class _AffineNorm(Layer):
    """Base class of normalisations with a learnt weight and bias for each channel."""

    memory = Memory(saves_output=False)

    def __init__(self, epsilon: float, affine: bool, name: str | None) -> None:
        super().__init__(name=name)
        self.epsilon = _arguments.number("epsilon", epsilon, 1e-300)
        self.affine = _arguments.flag("affine", affine)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare weight and bias; return the same shape."""
        shape = (channels_of(self, input_shape),)
        if self.affine:
            self.add_parameter("weight", shape, "ones")
            self.add_parameter("bias", shape, "zeros")
        return input_shape

    def _weight_and_bias(self, ctx: Context) -> tuple[Any, Any]:
        return (ctx.parameter("weight"), ctx.parameter("bias")) if self.affine else (None, None)

    def _targets(self, ctx: Context) -> dict[str, Any]:
        """Return the destinations of the gradients of input, weight and bias."""
        nowhere: dict[str, Any] = {"out": None, "accumulate": False}
        targets: list[Any] = [nowhere, nowhere, nowhere]
        if ctx.needs_input_gradient():
            targets[0] = ctx.input_destination()
        if ctx.needs_parameter_gradients:
            targets[1:] = ctx.parameter_destination("weight"), ctx.parameter_destination("bias")
        return {key: tuple(target[key] for target in targets) for key in ("out", "accumulate")}


@_renamed.keywords(spellings.ARGUMENTS, eps="epsilon")
class LayerNorm(_AffineNorm):
    """Normalise along the last axis: each row of features, each pixel across its channels.

    ``y = (x - mean) / sqrt(variance + epsilon) * weight + bias``. For the statistics of a whole
    image use ``GroupNorm(1)``.

    Parameters
    ----------
    epsilon : float
        Added to the variance, above 0.
    affine : bool
        Whether to learn `weight` and `bias`.
    name : str, optional

    Attributes
    ----------
    weight, bias : ndarray of shape (channels,)
        Learnt; initially ones and zeros. Only with `affine`.

    References
    ----------
    J. L. Ba, J. R. Kiros, G. E. Hinton: Layer Normalization. 2016.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [LayerNorm(epsilon=1e-12)])([[1.0, 3.0]]).tolist()
    [[-1.0, 1.0]]
    """

    def __init__(
        self, *, epsilon: float = 1e-5, affine: bool = True, name: str | None = None
    ) -> None:
        super().__init__(epsilon, affine, name)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Normalise each vector."""
        y, mean, variance = ops.layer_norm(
            x, *self._weight_and_bias(ctx), epsilon=self.epsilon, out=ctx.out()
        )
        ctx.save(x=x, mean=mean, variance=variance)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Compute the gradients of weight, bias and input."""
        saved = ctx.saved
        weight = self._weight_and_bias(ctx)[0]
        return ops.layer_norm_backward(
            grad_output,
            saved.x,
            saved.mean,
            saved.variance,
            weight,
            epsilon=self.epsilon,
            **self._targets(ctx),
        )[0]


@_renamed.keywords(spellings.ARGUMENTS, eps="epsilon")
class GroupNorm(_AffineNorm):
    """Normalise groups of neighbouring channels of each sample, over all its pixels.

    Parameters
    ----------
    groups : int
        A divisor of the number of channels; 1 normalises the whole sample.
    epsilon : float
        Added to the variance, above 0.
    affine : bool
        Whether to learn `weight` and `bias`.
    name : str, optional

    Attributes
    ----------
    weight, bias : ndarray of shape (channels,)
        Learnt; initially ones and zeros. Only with `affine`.

    Raises
    ------
    ShapeError
        If the groups do not divide the channels, or a group has a single value, which would become
        0.

    References
    ----------
    Y. Wu, K. He: Group Normalization. ECCV 2018.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((4,), [GroupNorm(2, epsilon=1e-12)])([[1.0, 3.0, 5.0, 9.0]]).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    def __init__(
        self, groups: int, *, epsilon: float = 1e-5, affine: bool = True, name: str | None = None
    ) -> None:
        super().__init__(epsilon, affine, name)
        self.groups = _arguments.integer("groups", groups, 1)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare weight and bias; return the same shape."""
        return self._build(input_shape, self.groups)

    def _build(self, input_shape: Shape, groups: int) -> Shape:
        if channels_of(self, input_shape) % groups:
            raise ShapeError(
                f"groups: {groups} must divide the {input_shape[-1]} channels of the input"
            )
        if math.prod(input_shape) == groups:
            raise ShapeError(
                f"{type(self).__name__} needs more than one value in each group, got one of shape "
                f"{input_shape}"
            )
        return super().build(input_shape)

    def forward(self, ctx: Context, x: Any) -> Any:
        """Normalise each group."""
        groups = self._count(x)
        y, mean, variance = ops.group_norm(
            x, groups, *self._weight_and_bias(ctx), epsilon=self.epsilon, out=ctx.out()
        )
        ctx.save(x=x, mean=mean, variance=variance)
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Compute the gradients of weight, bias and input."""
        saved = ctx.saved
        groups = self._count(saved.x)
        return ops.group_norm_backward(
            grad_output,
            saved.x,
            saved.mean,
            saved.variance,
            groups,
            self._weight_and_bias(ctx)[0],
            epsilon=self.epsilon,
            **self._targets(ctx),
        )[0]

    def _count(self, x: Any) -> int:
        return self.groups


@_renamed.keywords(spellings.ARGUMENTS, eps="epsilon")
class InstanceNorm(GroupNorm):
    """Normalise each channel of each sample over its pixels: `GroupNorm` with single channels.

    As in PyTorch it learns no weight and bias unless asked.

    Parameters
    ----------
    epsilon : float
        Added to the variance, above 0.
    affine : bool
        Whether to learn `weight` and `bias`.
    name : str, optional

    Attributes
    ----------
    weight, bias : ndarray of shape (channels,)
        Learnt; initially ones and zeros. Only with `affine`.

    Raises
    ------
    ShapeError
        For images of one pixel, which would become 0.

    References
    ----------
    D. Ulyanov, A. Vedaldi, V. Lempitsky: Instance Normalization: The Missing Ingredient for Fast
    Stylization. 2016.

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> model = cnnrs.Sequential((1, 2, 1), [InstanceNorm(epsilon=1e-12)])
    >>> model(np.array([[[[1.0], [3.0]]]])).ravel().tolist()
    [-1.0, 1.0]
    """

    def __init__(
        self, *, epsilon: float = 1e-5, affine: bool = False, name: str | None = None
    ) -> None:
        _AffineNorm.__init__(self, epsilon, affine, name)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare weight and bias; return the same shape."""
        return self._build(input_shape, channels_of(self, input_shape))

    def _count(self, x: Any) -> int:
        return int(x.shape[-1])


@_renamed.keywords(spellings.ARGUMENTS)
class LocalResponseNorm(Layer):
    """Divide each value by a power of the squares around it across channels: ``x / (k + alpha /
    size * sum(x²))**beta``.

    The window of channel ``c`` goes from ``c - size // 2`` to ``c + (size - 1) // 2``. The
    constants are in PyTorch's convention, whose `alpha` is divided by `size`; AlexNet's paper
    writes its 1e-4 without that division, which is ``alpha=5e-4`` here. `k` is the paper's 2;
    PyTorch's own default is 1.

    Parameters
    ----------
    size : int
        Channels of a window.
    alpha, beta : float
        Weight of the squares and exponent, at least 0.
    k : float
        Added to the weighted squares, above 0.
    name : str, optional

    References
    ----------
    A. Krizhevsky, I. Sutskever, G. E. Hinton: ImageNet Classification with Deep Convolutional
    Neural Networks. NIPS 2012.

    Examples
    --------
    >>> import cnnrs
    >>> model = cnnrs.Sequential((3,), [LocalResponseNorm(3, alpha=3, beta=1, k=2)])
    >>> model([[1.0, 1.0, 1.0]]).tolist()
    [[0.25, 0.20000000298023224, 0.25]]
    """

    memory = Memory(saves_output=False)
    facts = Facts(non_negative="keeps")

    def __init__(
        self,
        size: int = 5,
        *,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 2.0,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.size = _arguments.size("size", size, 1)
        self.alpha = _arguments.number("alpha", alpha, 0)
        self.beta = _arguments.number("beta", beta, 0)
        self.k = _arguments.number("k", k, 1e-300)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Return the same shape."""
        channels_of(self, input_shape)
        return input_shape

    @property
    def _constants(self) -> dict[str, Any]:
        return {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}

    def forward(self, ctx: Context, x: Any) -> Any:
        """Divide each value."""
        ctx.save(x=x)
        return ops.local_response_norm(x, **self._constants, out=ctx.out())

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Compute the gradient of the input, from all windows that contain a value."""
        return ops.local_response_norm_backward(
            grad_output, ctx.saved.x, **self._constants, **ctx.input_destination()
        )
