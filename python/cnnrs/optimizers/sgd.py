"""Stochastic gradient descent, plain, with momentum, and with Nesterov's look ahead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from cnnrs import _arguments, ops
from cnnrs.errors import ArgumentError
from cnnrs.optimizers.base import Optimizer, Options, Schedule, Settings

__all__ = ["SGD"]


class SGD(Optimizer):
    """Stochastic gradient descent, ``w -= learning_rate · g``, with momentum.

    With momentum, ``v = momentum · v + (1 - dampening) · g`` (``v = g`` in the first step) takes
    the place of ``g``, and with Nesterov ``g + momentum · v``. Weight decay adds ``weight_decay ·
    w`` to ``g``.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a schedule ``f(epoch, epochs) -> float``.
    momentum, dampening : float
        From 0 to 1.
    nesterov : bool
        Needs momentum, and no dampening.
    **options
        See `Options`.

    References
    ----------
    I. Sutskever et al.: On the importance of initialization and momentum in deep learning. ICML
    2013.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9, weight_decay=5e-4)
    SGD(learning_rate=0.1, momentum=0.9, nesterov=False, dampening=0.0, weight_decay=0.0005)
    """

    arguments = ("momentum", "nesterov", "dampening")

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
        if nesterov and (not momentum or dampening):
            raise ArgumentError(
                f"nesterov: needs momentum and no dampening, got momentum={momentum}, "
                f"dampening={dampening}"
            )
        self.slots = ("velocity",) if momentum else ()

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], settings: Settings
    ) -> None:
        """One step of descent."""
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
