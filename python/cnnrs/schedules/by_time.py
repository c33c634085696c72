"""Schedules that are functions of time: the learning rate after a number of epochs.

The number of finished epochs is a float, since a schedule is called before every update.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

from cnnrs import _arguments, _renamed
from cnnrs._representation import PasteableRepr
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


def _check_rates(**values: float) -> None:
    for name, value in values.items():
        _arguments.number(name, value, 0)


@dataclass(frozen=True, repr=False)
class Constant(PasteableRepr):
    """The same learning rate throughout.

    Parameters
    ----------
    learning_rate : float

    Examples
    --------
    >>> Constant(0.1)(2.5, 10)
    0.1
    """

    learning_rate: float

    def __post_init__(self) -> None:
        _check_rates(learning_rate=self.learning_rate)

    def __call__(self, epoch: float, epochs: int) -> float:
        """Return the learning rate."""
        return self.learning_rate


@_renamed.keywords()
@dataclass(frozen=True, repr=False)
class Step(PasteableRepr):
    """Multiply the rate by a factor after every `every` epochs.

    Parameters
    ----------
    learning_rate : float
    every : int
        Number of epochs, at least 1.
    factor : float

    Examples
    --------
    >>> Step(1.0, every=10, factor=0.1)(25, 30)
    0.010000000000000002
    """

    learning_rate: float
    every: int
    _: KW_ONLY
    factor: float = 0.1

    def __post_init__(self) -> None:
        _check_rates(learning_rate=self.learning_rate, factor=self.factor)
        _arguments.integer("every", self.every, 1)

    def __call__(self, epoch: float, epochs: int) -> float:
        """Return the learning rate."""
        return self.learning_rate * self.factor ** (int(epoch) // self.every)


@_renamed.keywords()
@dataclass(frozen=True, repr=False)
class MultiStep(PasteableRepr):
    """Multiply the rate by a factor at each milestone.

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
    _: KW_ONLY
    factor: float = 0.1

    def __post_init__(self) -> None:
        _check_rates(learning_rate=self.learning_rate, factor=self.factor)
        for milestone in self.milestones:
            _arguments.number("milestones", milestone, 0)

    def __call__(self, epoch: float, epochs: int) -> float:
        """Return the learning rate."""
        return self.learning_rate * self.factor ** sum(
            epoch >= milestone for milestone in self.milestones
        )


@dataclass(frozen=True, repr=False)
class Exponential(PasteableRepr):
    """Multiply the rate by a factor in each epoch, continuously over its steps.

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
        _check_rates(learning_rate=self.learning_rate)
        _arguments.positive("factor", self.factor)

    def __call__(self, epoch: float, epochs: int) -> float:
        """Return the learning rate."""
        return float(self.learning_rate * self.factor**epoch)


@_renamed.keywords(final="final_rate")
@dataclass(frozen=True, repr=False)
class Cosine(PasteableRepr):
    """Decrease the rate along half a cosine.

    Parameters
    ----------
    learning_rate : float
    final_rate : float
        Rate at the end of the training.

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
    final_rate: float = 0.0

    def __post_init__(self) -> None:
        _check_rates(learning_rate=self.learning_rate, final_rate=self.final_rate)

    def __call__(self, epoch: float, epochs: int) -> float:
        """Return the learning rate."""
        done = min(epoch / epochs, 1.0)
        return (
            self.final_rate
            + (self.learning_rate - self.final_rate) * (1 + math.cos(math.pi * done)) / 2
        )


@_renamed.keywords(first="first_epochs", stretch="growth", final="final_rate")
@dataclass(frozen=True, repr=False)
class Restarts(PasteableRepr):
    """Decrease the rate along half a cosine, then restart from the initial rate, repeatedly.

    Parameters
    ----------
    learning_rate : float
    first_epochs : float
        Number of epochs before the first restart.
    growth : float
        Ratio of the length of a period to the length of the preceding one; at least 1.
    final_rate : float
        Rate at the end of a period.

    References
    ----------
    I. Loshchilov, F. Hutter: SGDR: Stochastic Gradient Descent with Warm Restarts. ICLR 2017.

    Examples
    --------
    >>> schedule = Restarts(1.0, first_epochs=2, growth=2)
    >>> [round(schedule(epoch, 14), 12) for epoch in (0, 1, 2, 4, 6)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """

    learning_rate: float
    first_epochs: float
    _: KW_ONLY
    growth: float = 1.0
    final_rate: float = 0.0

    def __post_init__(self) -> None:
        _check_rates(learning_rate=self.learning_rate, final_rate=self.final_rate)
        _arguments.positive("first_epochs", self.first_epochs)
        _arguments.number("growth", self.growth, 1)

    def __call__(self, epoch: float, epochs: int) -> float:
        """Return the learning rate."""
        start, length = 0.0, float(self.first_epochs)
        if self.growth == 1:
            start = epoch // length * length
        while epoch >= start + length:
            start, length = start + length, length * self.growth
        done = (epoch - start) / length
        return (
            self.final_rate
            + (self.learning_rate - self.final_rate) * (1 + math.cos(math.pi * done)) / 2
        )


@_renamed.keywords(final="final_rate")
@dataclass(frozen=True, repr=False)
class Polynomial(PasteableRepr):
    """Decrease the rate as ``(1 - epoch / epochs)^power``.

    Parameters
    ----------
    learning_rate : float
    final_rate : float
        Rate at the end of the training.
    power : float
        Above 0; 1 is a straight line.

    Examples
    --------
    >>> Polynomial(1.0)(4, 10)
    0.6
    """

    learning_rate: float
    final_rate: float = 0.0
    _: KW_ONLY
    power: float = 1.0

    def __post_init__(self) -> None:
        _check_rates(learning_rate=self.learning_rate, final_rate=self.final_rate)
        _arguments.positive("power", self.power)

    def __call__(self, epoch: float, epochs: int) -> float:
        """Return the learning rate."""
        return float(
            self.final_rate
            + (self.learning_rate - self.final_rate) * (1 - min(epoch / epochs, 1.0)) ** self.power
        )


@_renamed.keywords(up="peak_fraction", start="initial_factor", final="final_factor")
@dataclass(frozen=True, repr=False)
class OneCycle(PasteableRepr):
    """Increase the rate to a peak, then decrease it to almost 0, both along half a cosine.

    Parameters
    ----------
    learning_rate : float
        Rate at the peak.
    peak_fraction : float
        Fraction of the training before the peak, above 0 and below 1.
    initial_factor, final_factor : float
        First and last rate as multiples of the rate at the peak.

    References
    ----------
    L. Smith, N. Topin: Super-Convergence. 2017.

    Examples
    --------
    >>> schedule = OneCycle(1.0, peak_fraction=0.5, initial_factor=0.1)
    >>> round(schedule(0, 10), 12), schedule(5, 10)
    (0.1, 1.0)
    """

    learning_rate: float
    peak_fraction: float = 0.3
    _: KW_ONLY
    initial_factor: float = 0.04
    final_factor: float = 0.0001

    def __post_init__(self) -> None:
        _check_rates(
            learning_rate=self.learning_rate,
            initial_factor=self.initial_factor,
            final_factor=self.final_factor,
        )
        if not 0 < _arguments.number("peak_fraction", self.peak_fraction) < 1:
            raise ArgumentError(
                f"peak_fraction: expected a number between 0 and 1, got {self.peak_fraction}"
            )

    def __call__(self, epoch: float, epochs: int) -> float:
        """Return the learning rate."""
        done = min(epoch / epochs, 1.0)
        low, part = (
            (self.initial_factor, done / self.peak_fraction)
            if done < self.peak_fraction
            else (self.final_factor, (1 - done) / (1 - self.peak_fraction))
        )
        return self.learning_rate * (low + (1 - low) * (1 - math.cos(math.pi * part)) / 2)


@dataclass(frozen=True, repr=False)
class WarmUp(PasteableRepr):
    """Increase the rate from 0 to another schedule's rate along a straight line, then follow it.

    Parameters
    ----------
    schedule : callable or float
        The following schedule; it counts its epochs from the start of the training.
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
        if not callable(self.schedule):
            _arguments.number("schedule", self.schedule, 0)
        _arguments.positive("epochs", self.epochs)

    def __call__(self, epoch: float, epochs: int) -> float:
        """Return the learning rate."""
        rate = self.schedule(epoch, epochs) if callable(self.schedule) else self.schedule
        return rate * min(epoch / self.epochs, 1.0)

    def observe(self, numbers: Mapping[str, float]) -> None:
        """Pass the numbers of an epoch on to the schedule, if it observes them."""
        if hasattr(self.schedule, "observe"):
            self.schedule.observe(numbers)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the following schedule."""
        return dict(self.schedule.state_dict()) if hasattr(self.schedule, "state_dict") else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state of the following schedule."""
        if hasattr(self.schedule, "load_state_dict"):
            self.schedule.load_state_dict(state)
