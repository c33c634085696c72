"""Optimizers: how a gradient becomes a change of the parameters.

An optimizer holds settings only. What it remembers from step to step (velocities and the like) are arrays laid out like the parameters,
kept by the trainer; so one optimizer can serve several trainers, and a checkpoint is those arrays. Conventions are PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

from cnnrs import _arguments, ops
from cnnrs.errors import ArgumentError, DTypeError

__all__ = ["SGD", "Optimizer", "get"]

Schedule: TypeAlias = Callable[[float, int], float]


class Optimizer:
    """Base class of optimizers.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a schedule ``f(epoch, epochs) -> float``; see `cnnrs.schedules`.
    weight_decay : float
        How strongly weights are pulled towards zero; at least 0.
    decay_biases : bool
        Whether biases, and other parameters with one axis, decay too.

    Attributes
    ----------
    slots : tuple of str
        Names of the arrays that the optimizer remembers; each has the layout of the parameters.
    """

    slots: tuple[str, ...] = ()
    arguments: ClassVar[tuple[str, ...]] = ("learning_rate", "weight_decay", "decay_biases")

    def __init__(self, learning_rate: float | Schedule, weight_decay: float, decay_biases: bool) -> None:
        if not callable(learning_rate):
            learning_rate = _arguments.number("learning_rate", learning_rate, 0)
        self.learning_rate = learning_rate
        self.weight_decay = _arguments.number("weight_decay", weight_decay, 0)
        self.decay_biases = bool(decay_biases)

    def rate(self, epoch: float, epochs: int) -> float:
        """The learning rate when `epoch` (a fraction between two whole ones) of `epochs` are done."""
        if callable(self.learning_rate):
            return _arguments.number("learning_rate", self.learning_rate(epoch, epochs), 0)
        return self.learning_rate

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], *, learning_rate: float, weight_decay: float, step: int
    ) -> None:
        """Change a stretch of the parameters in place.

        Parameters
        ----------
        parameter, gradient : ndarray of shape (size,)
        state : mapping of str to ndarray of shape (size,)
            One for each of `slots`; zeros before the first step.
        learning_rate, weight_decay : float
        step : int
            How many steps came before.
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.arguments)})"


class SGD(Optimizer):
    """Stochastic gradient descent, ``w -= learning_rate · g``, with momentum.

    With momentum, ``v = momentum · v + (1 - dampening) · g`` (``v = g`` in the first step) takes the place of ``g``, and with
    Nesterov ``g + momentum · v``.
    Weight decay adds ``weight_decay · w`` to ``g``.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a schedule ``f(epoch, epochs) -> float``.
    momentum, dampening : float
        From 0 to 1.
    nesterov : bool
        Needs momentum, and no dampening.
    weight_decay : float
    decay_biases : bool
        Whether biases, and other parameters with one axis, decay too.

    References
    ----------
    I. Sutskever et al.: On the importance of initialization and momentum in deep learning. ICML 2013.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9).rate(0.0, 1)
    0.1
    """

    arguments = ("learning_rate", "momentum", "nesterov", "weight_decay", "dampening", "decay_biases")

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        dampening: float = 0.0,
        decay_biases: bool = False,
    ) -> None:
        super().__init__(learning_rate, weight_decay, decay_biases)
        self.momentum = _arguments.number("momentum", momentum, 0, 1)
        self.dampening = _arguments.number("dampening", dampening, 0, 1)
        self.nesterov = bool(nesterov)
        if nesterov and (not momentum or dampening):
            raise ArgumentError(f"nesterov: needs momentum and no dampening, got momentum={momentum}, dampening={dampening}")
        self.slots = ("velocity",) if momentum else ()

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], *, learning_rate: float, weight_decay: float, step: int
    ) -> None:
        """One step of descent."""
        ops.sgd_step(
            parameter,
            gradient,
            state.get("velocity"),
            learning_rate=learning_rate,
            momentum=self.momentum,
            dampening=self.dampening if step else 0.0,
            weight_decay=weight_decay,
            nesterov=self.nesterov,
        )


def get(optimizer: str | Optimizer) -> Optimizer:
    """The optimizer of that name with its default settings; an optimizer is returned as it is.

    Raises
    ------
    ArgumentError
        For an unknown name.

    Examples
    --------
    >>> type(get("sgd")).__name__
    'SGD'
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if optimizer == "sgd":
        return SGD()
    if isinstance(optimizer, type):
        raise DTypeError(f"optimizer: expected an optimizer, got the class; write {optimizer.__name__}(learning_rate)")
    raise ArgumentError(f"optimizer: expected 'sgd' or an Optimizer, got {optimizer!r}")
