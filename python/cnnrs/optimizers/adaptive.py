"""Optimizers that give every value a rate of its own: RMSprop, Adagrad, Adam, AdamW; and Lion,
which looks at signs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from cnnrs import _arguments, ops
from cnnrs.errors import ArgumentError
from cnnrs.optimizers.base import Optimizer, Options, Schedule, Settings

__all__ = ["Adagrad", "Adam", "AdamW", "Lion", "RMSprop"]


def _betas(betas: tuple[float, float]) -> tuple[float, float]:
    try:
        first, second = betas
    except (TypeError, ValueError):
        raise ArgumentError(f"betas: expected two numbers, got {betas!r}") from None
    result = _arguments.number("betas", first, 0, 1), _arguments.number("betas", second, 0, 1)
    if max(result) == 1:
        raise ArgumentError(f"betas: expected numbers below 1, got {betas}")
    return result


class RMSprop(Optimizer):
    """RMSprop: the gradient over the root of its mean square. Weight decay goes through the
    gradient.

    Parameters
    ----------
    learning_rate : float or callable
    alpha : float
        How much of the mean square is kept in each step.
    momentum : float
    centered : bool
        Whether the square of the mean gradient is taken off under the root.
    eps : float
        Added to the root.
    **options
        See `Options`.

    References
    ----------
    T. Tieleman, G. Hinton: Lecture 6.5, Coursera: Neural Networks for Machine Learning. 2012.

    Examples
    --------
    >>> RMSprop(1e-3, momentum=0.9).slots
    ('square', 'velocity')
    """

    arguments = ("alpha", "momentum", "centered", "eps")

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        alpha: float = 0.99,
        *,
        momentum: float = 0.0,
        centered: bool = False,
        eps: float = 1e-8,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.alpha = _arguments.number("alpha", alpha, 0, 1)
        self.momentum = _arguments.number("momentum", momentum, 0, 1)
        self.centered = _arguments.flag("centered", centered)
        self.eps = _arguments.number("eps", eps, 0)
        self.slots = (
            "square",
            *(("mean",) if centered else ()),
            *(("velocity",) if momentum else ()),
        )

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], settings: Settings
    ) -> None:
        """One step."""
        ops.rmsprop_step(
            parameter,
            gradient,
            state["square"],
            state.get("mean"),
            state.get("velocity"),
            learning_rate=settings.learning_rate,
            alpha=self.alpha,
            eps=self.eps,
            momentum=self.momentum,
            weight_decay=settings.weight_decay,
            l1=settings.l1,
            gradient_scale=settings.gradient_scale,
            gradient_limit=settings.gradient_limit,
        )


class Adagrad(Optimizer):
    """Adagrad: the gradient over the root of the sum of all its squares. Weight decay goes through
    the gradient.

    Parameters
    ----------
    learning_rate : float or callable
    learning_rate_decay : float
        The rate is divided by ``1 + learning_rate_decay · step``.
    start : float
        What the sums of squares start from.
    eps : float
        Added to the root.
    **options
        See `Options`.

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer: Adaptive Subgradient Methods. JMLR 12, 2011.

    Examples
    --------
    >>> Adagrad(0.1).slots
    ('square',)
    """

    arguments = ("learning_rate_decay", "start", "eps")
    slots = ("square",)

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        *,
        learning_rate_decay: float = 0.0,
        start: float = 0.0,
        eps: float = 1e-10,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.learning_rate_decay = _arguments.number("learning_rate_decay", learning_rate_decay, 0)
        self.start = _arguments.number("start", start, 0)
        self.eps = _arguments.number("eps", eps, 0)

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], settings: Settings
    ) -> None:
        """One step."""
        ops.adagrad_step(
            parameter,
            gradient,
            state["square"],
            learning_rate=settings.learning_rate / (1.0 + self.learning_rate_decay * settings.step),
            eps=self.eps,
            start=self.start,
            weight_decay=settings.weight_decay,
            l1=settings.l1,
            gradient_scale=settings.gradient_scale,
            gradient_limit=settings.gradient_limit,
        )


class Adam(Optimizer):
    """Adam: the mean gradient over the root of the mean square, both corrected for their start from
    zero.

    Weight decay goes through the gradient, where it does little; see `AdamW`.

    Parameters
    ----------
    learning_rate : float or callable
    betas : pair of float
        How much of the means of gradient and squared gradient is kept in each step.
    eps : float
        Added to the root.
    amsgrad : bool
        Whether the largest mean square so far stands under the root.
    **options
        See `Options`.

    References
    ----------
    D. Kingma, J. Ba: Adam: A Method for Stochastic Optimization. ICLR 2015.

    Examples
    --------
    >>> Adam(3e-4).slots
    ('mean', 'square')
    """

    arguments = ("betas", "eps", "amsgrad")
    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        *,
        eps: float = 1e-8,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.betas = _betas(betas)
        self.eps = _arguments.number("eps", eps, 0)
        self.amsgrad = _arguments.flag("amsgrad", amsgrad)
        self.slots = ("mean", "square", *(("largest",) if amsgrad else ()))

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], settings: Settings
    ) -> None:
        """One step."""
        ops.adam_step(
            parameter,
            gradient,
            state["mean"],
            state["square"],
            state.get("largest"),
            learning_rate=settings.learning_rate,
            step=settings.step + 1,
            betas=self.betas,
            eps=self.eps,
            decoupled=self.decoupled,
            weight_decay=settings.weight_decay,
            l1=settings.l1,
            gradient_scale=settings.gradient_scale,
            gradient_limit=settings.gradient_limit,
        )


class AdamW(Adam):
    """Adam with decoupled weight decay: ``w`` shrinks by ``learning_rate · weight_decay`` in each
    step, whatever the gradients were.

    Parameters
    ----------
    learning_rate : float or callable
    betas : pair of float
    eps : float
    amsgrad : bool
    **options
        See `Options`; `weight_decay` is 0.01 unless given.

    References
    ----------
    I. Loshchilov, F. Hutter: Decoupled Weight Decay Regularization. ICLR 2019.

    Examples
    --------
    >>> AdamW(3e-4).weight_decay
    0.01
    """

    decoupled = True

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        *,
        eps: float = 1e-8,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        options.setdefault("weight_decay", 0.01)
        super().__init__(learning_rate, betas, eps=eps, amsgrad=amsgrad, **options)


class Lion(Optimizer):
    """Lion: a step of the same size for every value, along the sign of a mean of gradients. Weight
    decay is decoupled.

    Rates are three to ten times smaller than Adam's, and `weight_decay` is as much larger.

    Parameters
    ----------
    learning_rate : float or callable
    betas : pair of float
        How much of the mean is kept for the direction, and in the mean.
    **options
        See `Options`.

    References
    ----------
    X. Chen et al.: Symbolic Discovery of Optimization Algorithms. NeurIPS 2023.

    Examples
    --------
    >>> Lion(1e-4).slots
    ('mean',)
    """

    arguments = ("betas",)
    slots = ("mean",)

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.betas = _betas(betas)

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], settings: Settings
    ) -> None:
        """One step."""
        ops.lion_step(
            parameter,
            gradient,
            state["mean"],
            learning_rate=settings.learning_rate,
            betas=self.betas,
            weight_decay=settings.weight_decay,
            l1=settings.l1,
            gradient_scale=settings.gradient_scale,
            gradient_limit=settings.gradient_limit,
        )
