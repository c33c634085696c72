"""Batch normalisation: bring activations to mean 0 and variance 1, then scale and shift them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnrs import _arguments, _renamed, ops
from cnnrs.errors import ShapeError
from cnnrs.layers import spellings
from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.facts import Memory
from cnnrs.layers.node import Shape, shape_text

__all__ = ["BatchNorm"]


def channels_of(layer: Layer, input_shape: Shape) -> int:
    """Return the size of the last axis."""
    if not input_shape or input_shape[-1] == 0:
        raise ShapeError(
            f"{type(layer).__name__} needs inputs with channels or features in the last axis, got "
            f"{shape_text(input_shape)}"
        )
    return input_shape[-1]


@_renamed.keywords(spellings.ARGUMENTS, note=spellings.NOTE, eps="epsilon")
class BatchNorm(Layer):
    """Normalise each channel: by the batch's statistics in training, by running ones in prediction.

    ``y = (x - mean) / sqrt(variance + epsilon) * weight + bias``, the statistics taken over all
    axes but the last. Every forward pass in training moves the running statistics once: ``running =
    (1 - momentum) * running + momentum * batch``, with the unbiased variance (as in PyTorch; the
    momentum of Keras is one minus this). A batch whose statistics are not finite leaves them
    unchanged. A layer that is used at several places of a graph moves them at each.

    A frozen layer (``layer.trainable = False``) uses the running statistics in training too, and
    does not move them.

    Parameters
    ----------
    momentum : float
        Weight of the newest batch in the running statistics, 0 to 1.
    epsilon : float
        Added to the variance, above 0.
    affine : bool
        Whether to learn `weight` and `bias`.
    name : str, optional

    Attributes
    ----------
    weight, bias : ndarray of shape (channels,)
        Learnt; initially ones and zeros. Only with `affine`.
    running_mean, running_var : ndarray of shape (channels,)
        State: saved with the model, not trained; initially zeros and ones.

    Raises
    ------
    ShapeError
        In training, for a batch with a single value per channel: its variance is 0, and all
        outputs would be equal.

    References
    ----------
    S. Ioffe, C. Szegedy: Batch Normalization: Accelerating Deep Network Training by Reducing
    Internal Covariate Shift. ICML 2015.

    Examples
    --------
    >>> import cnnrs
    >>> layer = BatchNorm(epsilon=1e-12)
    >>> model = cnnrs.Sequential((2,), [layer])
    >>> model([[1.0, -1.0]]).tolist()
    [[1.0, -1.0]]
    >>> layer.running_mean = [1.0, 1.0]
    >>> layer.running_var = [4.0, 4.0]
    >>> model([[1.0, -1.0]]).tolist()
    [[0.0, -1.0]]
    >>> model.num_parameters
    4
    """

    memory = Memory(saves_output=False, in_place=True)

    def __init__(
        self,
        *,
        momentum: float = 0.1,
        epsilon: float = 1e-5,
        affine: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.momentum = _arguments.number("momentum", momentum, 0, 1)
        self.epsilon = _arguments.number("epsilon", epsilon, 1e-300)
        self.affine = _arguments.flag("affine", affine)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Declare weight, bias and the running statistics; return the same shape."""
        shape = (channels_of(self, input_shape),)
        if self.affine:
            self.add_parameter("weight", shape, "ones")
            self.add_parameter("bias", shape, "zeros")
        self.add_parameter("running_mean", shape, "zeros", trainable=False)
        self.add_parameter("running_var", shape, "ones", trainable=False)
        return input_shape

    def scale_and_shift(self, read: Callable[[str], Any]) -> tuple[Any, Any]:
        """Return factor and summand of each channel in prediction, as new arrays.

        `read` returns the values of a parameter by name.
        """
        weight, bias = (read("weight"), read("bias")) if self.affine else (None, None)
        scale, shift = ops.batch_norm_scale_shift(
            read("running_mean"), read("running_var"), weight, bias, epsilon=self.epsilon
        )
        return scale, shift

    def forward(self, ctx: Context, x: Any) -> Any:
        """Normalise; in training, move the running statistics."""
        return self.compute(ctx, x)

    def compute(self, ctx: Context, x: Any, activation: str | None = None) -> Any:
        """Normalise, with an activation of the result."""
        if not ctx.training or not self.trainable:
            scale, shift = self.scale_and_shift(ctx.parameter)
            y = ops.scale_shift(x, scale, shift, activation=activation, out=ctx.out())
            ctx.save(fixed_scale=scale, y=y)
            return y
        if math.prod(x.shape[:-1]) < 2:
            raise ShapeError(
                f"{self.name or 'BatchNorm'}: in training it needs more than one value per "
                f"channel, got a batch of shape {x.shape}; use "
                "a larger batch, drop a last batch of one sample, or freeze the layer (trainable = "
                "False)"
            )
        weight, bias = self._weight_and_bias(ctx)
        y, mean, variance = ops.batch_norm(
            x, weight, bias, epsilon=self.epsilon, activation=activation, out=ctx.out()
        )
        self._move_statistics(ctx, mean, variance, math.prod(x.shape[:-1]))
        ctx.save(fixed_scale=None, x=x, mean=mean, variance=variance)
        return y

    def _weight_and_bias(self, ctx: Context) -> tuple[Any, Any]:
        return (ctx.parameter("weight"), ctx.parameter("bias")) if self.affine else (None, None)

    def _move_statistics(self, ctx: Context, mean: Any, variance: Any, count: int) -> None:
        if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
            return
        for running, batch in (
            (ctx.state("running_mean"), mean),
            (ctx.state("running_var"), variance * (count / (count - 1))),
        ):
            running *= 1 - self.momentum
            running += self.momentum * batch

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Compute the gradients of weight, bias and input."""
        return self.differentiate(ctx, grad_output)

    def differentiate(self, ctx: Context, grad_output: Any, activation: str | None = None) -> Any:
        """Compute the gradients, after an activation of the result."""
        saved = ctx.saved
        if saved.fixed_scale is not None:
            mask = saved.y if activation == "relu" else None
            return ops.scale_shift_backward(
                grad_output, saved.fixed_scale, activation_output=mask, **ctx.input_destination()
            )
        nowhere: dict[str, Any] = {"out": None, "accumulate": False}
        targets: list[Any] = [nowhere, nowhere, nowhere]
        if ctx.needs_input_gradient():
            targets[0] = ctx.input_destination()
        if ctx.needs_parameter_gradients:
            targets[1:] = ctx.parameter_destination("weight"), ctx.parameter_destination("bias")
        grad_x, _, _ = ops.batch_norm_backward(
            grad_output,
            saved.x,
            saved.mean,
            saved.variance,
            *self._weight_and_bias(ctx),
            epsilon=self.epsilon,
            activation=activation,
            input_gradient=ctx.needs_input_gradient(),
            out=(targets[0]["out"], targets[1]["out"], targets[2]["out"]),
            accumulate=(
                targets[0]["accumulate"],
                targets[1]["accumulate"],
                targets[2]["accumulate"],
            ),
        )
        return grad_x
