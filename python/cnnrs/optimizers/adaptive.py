"""Optimizers with an adaptive rate for every value: RMSprop, Adagrad, Adam, AdamW and Lion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from cnnrs import _arguments, _renamed, ops
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
        raise ArgumentError(f"betas: expected two numbers below 1, got {betas}")
    return result


@_renamed.keywords(alpha="rho", eps="epsilon")
class RMSprop(Optimizer):
    """RMSprop: divide the gradient by the root of its running mean square.

    Weight decay is added to the gradient.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a schedule ``f(epoch, epochs) -> float``.
    rho : float
        Decay rate of the running mean square, from 0 to 1.
    momentum : float
        Momentum factor, from 0 to 1.
    centered : bool
        Whether to subtract the square of the running mean gradient under the root, which gives an
        estimate of the variance.
    epsilon : float
        Added to the root for numerical stability.
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

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        rho: float = 0.99,
        *,
        momentum: float = 0.0,
        centered: bool = False,
        epsilon: float = 1e-8,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = _arguments.number("rho", rho, 0, 1)
        self.momentum = _arguments.number("momentum", momentum, 0, 1)
        self.centered = _arguments.flag("centered", centered)
        self.epsilon = _arguments.number("epsilon", epsilon, 0)
        self.slots = (
            "square",
            *(("mean",) if self.centered else ()),
            *(("velocity",) if momentum else ()),
        )

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], settings: Settings
    ) -> None:
        """Apply one step."""
        ops.rmsprop_step(
            parameter,
            gradient,
            state["square"],
            state.get("mean"),
            state.get("velocity"),
            learning_rate=settings.learning_rate,
            rho=self.rho,
            epsilon=self.epsilon,
            momentum=self.momentum,
            weight_decay=settings.weight_decay,
            l1=settings.l1,
            gradient_scale=settings.gradient_scale,
            gradient_limit=settings.gradient_limit,
        )


@_renamed.keywords(start="initial_value", eps="epsilon")
class Adagrad(Optimizer):
    """Adagrad: divide the gradient by the root of the sum of its squares so far.

    Weight decay is added to the gradient.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a schedule ``f(epoch, epochs) -> float``.
    learning_rate_decay : float
        The rate is divided by ``1 + learning_rate_decay · step``.
    initial_value : float
        Initial value of the sums of squares, at least 0.
    epsilon : float
        Added to the root for numerical stability.
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

    slots = ("square",)

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        *,
        learning_rate_decay: float = 0.0,
        initial_value: float = 0.0,
        epsilon: float = 1e-10,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.learning_rate_decay = _arguments.number("learning_rate_decay", learning_rate_decay, 0)
        self.initial_value = _arguments.number("initial_value", initial_value, 0)
        self.epsilon = _arguments.number("epsilon", epsilon, 0)

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], settings: Settings
    ) -> None:
        """Apply one step."""
        ops.adagrad_step(
            parameter,
            gradient,
            state["square"],
            learning_rate=settings.learning_rate / (1.0 + self.learning_rate_decay * settings.step),
            epsilon=self.epsilon,
            initial_value=self.initial_value,
            weight_decay=settings.weight_decay,
            l1=settings.l1,
            gradient_scale=settings.gradient_scale,
            gradient_limit=settings.gradient_limit,
        )


@_renamed.keywords(eps="epsilon")
class Adam(Optimizer):
    """Adam: divide the running mean of the gradient by the root of its running mean square.

    Both means are corrected for their bias towards zero in the first steps. Weight decay is added
    to the gradient, where it has little effect; see `AdamW`.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a schedule ``f(epoch, epochs) -> float``.
    betas : pair of float
        Decay rates of the running means of the gradient and of its square, each from 0 to below 1.
    epsilon : float
        Added to the root for numerical stability.
    amsgrad : bool
        Whether to use the largest mean square so far.
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

    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        *,
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.betas = _betas(betas)
        self.epsilon = _arguments.number("epsilon", epsilon, 0)
        self.amsgrad = _arguments.flag("amsgrad", amsgrad)
        self.slots = ("mean", "square", *(("largest",) if self.amsgrad else ()))

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], settings: Settings
    ) -> None:
        """Apply one step."""
        ops.adam_step(
            parameter,
            gradient,
            state["mean"],
            state["square"],
            state.get("largest"),
            learning_rate=settings.learning_rate,
            step=settings.step + 1,
            betas=self.betas,
            epsilon=self.epsilon,
            decoupled=self.decoupled,
            weight_decay=settings.weight_decay,
            l1=settings.l1,
            gradient_scale=settings.gradient_scale,
            gradient_limit=settings.gradient_limit,
        )


@_renamed.keywords(eps="epsilon")
class AdamW(Adam):
    """Adam with decoupled weight decay.

    ``w`` is multiplied by ``1 - learning_rate · weight_decay`` in each step, independently of the
    gradient.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a schedule ``f(epoch, epochs) -> float``.
    betas : pair of float, from 0 to below 1
        As for `Adam`.
    epsilon : float, above 0
        As for `Adam`.
    amsgrad : bool
        As for `Adam`.
    **options
        See `Options`; the default of `weight_decay` is 0.01.

    References
    ----------
    I. Loshchilov, F. Hutter: Decoupled Weight Decay Regularization. ICLR 2019.

    Examples
    --------
    >>> AdamW(3e-4).weight_decay
    0.01
    """

    decoupled = True
    option_defaults: ClassVar[Options] = {"weight_decay": 0.01}

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        *,
        epsilon: float = 1e-8,
        amsgrad: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, betas, epsilon=epsilon, amsgrad=amsgrad, **options)


class Lion(Optimizer):
    """Lion: step along the sign of a running mean of the gradient, equally far for every value.

    Weight decay is decoupled. Use a learning rate three to ten times smaller than for Adam, and a
    `weight_decay` larger by the same factor.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a schedule ``f(epoch, epochs) -> float``.
    betas : pair of float
        Weight of the running mean in the direction of the step, and decay rate of the mean.
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
        """Apply one step."""
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
