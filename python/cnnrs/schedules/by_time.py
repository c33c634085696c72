"""Schedules that are functions of time: of the epochs done, a fraction between two whole ones, and
the number of epochs in all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnnrs import _arguments
from cnnrs.errors import ArgumentError

__all__ = [
    "Constant",
    "Cosine",
    "Exponential",
    "MultiStep",
    "OneCycle",
    "Polynomial",
    "Restarts",
    "Step",
    "WarmUp",
]


def _positive(**values: float) -> None:
    for name, value in values.items():
        if _arguments.number(name, value, 0) == 0:
            raise ArgumentError(f"{name}: expected a number above 0, got 0")


@dataclass(frozen=True)
class Constant:
    """Always the same.

    Parameters
    ----------
    learning_rate : float

    Examples
    --------
    >>> Constant(0.1)(2.5, 10)
    0.1
    """

    learning_rate: float

    def __call__(self, epoch: float, epochs: int) -> float:
        """The rate."""
        return self.learning_rate


@dataclass(frozen=True)
class Step:
    """Multiply the rate by a factor every so many epochs.

    Parameters
    ----------
    learning_rate : float
    every : int
        Epochs.
    factor : float

    Examples
    --------
    >>> Step(1.0, every=10, factor=0.1)(25, 30)
    0.010000000000000002
    """

    learning_rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _arguments.integer("every", self.every, 1)

    def __call__(self, epoch: float, epochs: int) -> float:
        """The rate."""
        return self.learning_rate * self.factor ** (int(epoch) // self.every)


@dataclass(frozen=True)
class MultiStep:
    """Multiply the rate by a factor at each of some epochs.

    Parameters
    ----------
    learning_rate : float
    milestones : sequence of float
        Epochs.
    factor : float

    Examples
    --------
    >>> schedule = MultiStep(1.0, [10, 15], factor=0.5)
    >>> schedule(9.9, 20), schedule(10, 20), schedule(16, 20)
    (1.0, 0.5, 0.25)
    """

    learning_rate: float
    milestones: Sequence[float]
    factor: float = 0.1

    def __call__(self, epoch: float, epochs: int) -> float:
        """The rate."""
        return self.learning_rate * self.factor ** sum(
            epoch >= milestone for milestone in self.milestones
        )


@dataclass(frozen=True)
class Exponential:
    """Multiply the rate by a factor in each epoch, a little in every step.

    Parameters
    ----------
    learning_rate : float
    factor : float

    Examples
    --------
    >>> Exponential(1.0, 0.25)(1.5, 10)
    0.125
    """

    learning_rate: float
    factor: float

    def __post_init__(self) -> None:
        _positive(factor=self.factor)

    def __call__(self, epoch: float, epochs: int) -> float:
        """The rate."""
        return float(self.learning_rate * self.factor**epoch)


@dataclass(frozen=True)
class Cosine:
    """Half a cosine, from the rate down to another one at the end.

    Parameters
    ----------
    learning_rate : float
    final : float

    References
    ----------
    I. Loshchilov, F. Hutter: SGDR: Stochastic Gradient Descent with Warm Restarts. ICLR 2017.

    Examples
    --------
    >>> schedule = Cosine(1.0)
    >>> schedule(0, 10), round(schedule(5, 10), 12), schedule(10, 10)
    (1.0, 0.5, 0.0)
    """

    learning_rate: float
    final: float = 0.0

    def __call__(self, epoch: float, epochs: int) -> float:
        """The rate."""
        done = min(epoch / epochs, 1.0)
        return self.final + (self.learning_rate - self.final) * (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True)
class Restarts:
    """Half a cosine from the rate down to another one, then at once up to the rate again, over and
    over.

    Parameters
    ----------
    learning_rate : float
    first : float
        Epochs to the first restart.
    stretch : float
        By which every period is longer than the one before it; at least 1.
    final : float

    References
    ----------
    I. Loshchilov, F. Hutter: SGDR: Stochastic Gradient Descent with Warm Restarts. ICLR 2017.

    Examples
    --------
    >>> schedule = Restarts(1.0, first=2, stretch=2)
    >>> schedule(0, 14), round(schedule(1, 14), 12), schedule(2, 14), round(schedule(4, 14), 12), schedule(6, 14)
    (1.0, 0.5, 1.0, 0.5, 1.0)
    """

    learning_rate: float
    first: float
    stretch: float = 1.0
    final: float = 0.0

    def __post_init__(self) -> None:
        _positive(first=self.first)
        _arguments.number("stretch", self.stretch, 1)

    def __call__(self, epoch: float, epochs: int) -> float:
        """The rate."""
        start, length = 0.0, float(self.first)
        if self.stretch == 1:
            start = epoch // length * length
        while epoch >= start + length:
            start, length = start + length, length * self.stretch
        done = (epoch - start) / length
        return self.final + (self.learning_rate - self.final) * (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True)
class Polynomial:
    """``(1 - done)^power``, from the rate down to another one at the end.

    Parameters
    ----------
    learning_rate : float
    final : float
    power : float
        1 is a straight line.

    Examples
    --------
    >>> Polynomial(1.0)(4, 10)
    0.6
    """

    learning_rate: float
    final: float = 0.0
    power: float = 1.0

    def __post_init__(self) -> None:
        _positive(power=self.power)

    def __call__(self, epoch: float, epochs: int) -> float:
        """The rate."""
        return float(
            self.final
            + (self.learning_rate - self.final) * (1 - min(epoch / epochs, 1.0)) ** self.power
        )


@dataclass(frozen=True)
class OneCycle:
    """Up to the rate in the first part of the training, then down to nearly nothing, both along a
    cosine.

    Parameters
    ----------
    learning_rate : float
        The highest.
    up : float
        The part of the training that goes up, above 0 and below 1.
    start, final : float
        As parts of the highest rate.

    References
    ----------
    L. Smith, N. Topin: Super-Convergence. 2017.

    Examples
    --------
    >>> schedule = OneCycle(1.0, up=0.5, start=0.1)
    >>> round(schedule(0, 10), 12), schedule(5, 10)
    (0.1, 1.0)
    """

    learning_rate: float
    up: float = 0.3
    start: float = 0.04
    final: float = 0.0001

    def __post_init__(self) -> None:
        if not 0 < _arguments.number("up", self.up) < 1:
            raise ArgumentError(f"up: expected a part between 0 and 1, got {self.up}")

    def __call__(self, epoch: float, epochs: int) -> float:
        """The rate."""
        done = min(epoch / epochs, 1.0)
        low, part = (
            (self.start, done / self.up)
            if done < self.up
            else (self.final, (1 - done) / (1 - self.up))
        )
        return self.learning_rate * (low + (1 - low) * (1 - math.cos(math.pi * part)) / 2)


@dataclass(frozen=True)
class WarmUp:
    """In front of another schedule: from nearly nothing up to its rate along a straight line.

    Parameters
    ----------
    schedule : callable or float
        What follows; it counts its epochs from the start of the training.
    epochs : float
        Length of the warm-up.

    References
    ----------
    P. Goyal et al.: Accurate, Large Minibatch SGD. 2017.

    Examples
    --------
    >>> schedule = WarmUp(0.4, epochs=2)
    >>> schedule(1, 10), schedule(5, 10)
    (0.2, 0.4)
    """

    schedule: Callable[[float, int], float] | float
    epochs: float

    def __post_init__(self) -> None:
        _positive(epochs=self.epochs)

    def __call__(self, epoch: float, epochs: int) -> float:
        """The rate."""
        rate = self.schedule(epoch, epochs) if callable(self.schedule) else self.schedule
        return rate * min(epoch / self.epochs, 1.0)

    def observe(self, numbers: Mapping[str, float]) -> None:
        """Hand the numbers of an epoch on to a schedule that looks at them."""
        if hasattr(self.schedule, "observe"):
            self.schedule.observe(numbers)

    def state_dict(self) -> dict[str, Any]:
        """What the schedule behind it remembers."""
        return dict(self.schedule.state_dict()) if hasattr(self.schedule, "state_dict") else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Give the schedule behind it what it remembers."""
        if hasattr(self.schedule, "load_state_dict"):
            self.schedule.load_state_dict(state)
