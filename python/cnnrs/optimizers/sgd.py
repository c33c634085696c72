"""Stochastic gradient descent, with momentum and Nesterov momentum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from cnnrs import _arguments, _renamed, ops
from cnnrs.errors import ArgumentError
from cnnrs.optimizers.base import Optimizer, Options, Schedule, Settings

__all__ = ["SGD"]


@_renamed.keywords()
class SGD(Optimizer):
    """Stochastic gradient descent, ``w -= learning_rate · g``, with momentum.

    With momentum, ``v = momentum · v + (1 - dampening) · g`` (``v = g`` in the first step) replaces
    ``g``; with Nesterov momentum, ``g + momentum · v`` does. Weight decay adds ``weight_decay · w``
    to ``g``.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a schedule ``f(epoch, epochs) -> float``.
    momentum : float
        Factor of the previous velocity, from 0 to 1.
    nesterov : bool
        Whether to use Nesterov momentum; requires momentum and no dampening.
    dampening : float
        Reduction of the gradient's part in the velocity, from 0 to 1.
    **options
        See `Options`.

    References
    ----------
    I. Sutskever et al.: On the importance of initialization and momentum in deep learning. ICML
    2013.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9, weight_decay=5e-4)
    SGD(learning_rate=0.1, momentum=0.9, weight_decay=0.0005)
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        momentum: float = 0.0,
        *,
        nesterov: bool = False,
        dampening: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = _arguments.number("momentum", momentum, 0, 1)
        self.dampening = _arguments.number("dampening", dampening, 0, 1)
        self.nesterov = _arguments.flag("nesterov", nesterov)
        if self.nesterov and (not self.momentum or self.dampening):
            raise ArgumentError(
                "nesterov: expected momentum and no dampening, got "
                f"momentum={self.momentum}, dampening={self.dampening}"
            )
        self.slots = ("velocity",) if self.momentum else ()

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], settings: Settings
    ) -> None:
        """Apply one step."""
        ops.sgd_step(
            parameter,
            gradient,
            state.get("velocity"),
            learning_rate=settings.learning_rate,
            momentum=self.momentum,
            dampening=self.dampening if settings.step else 0.0,
            nesterov=self.nesterov,
            weight_decay=settings.weight_decay,
            l1=settings.l1,
            gradient_scale=settings.gradient_scale,
            gradient_limit=settings.gradient_limit,
        )
