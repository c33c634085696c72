"""Averages of the weights over the course of the training: smoother than the weights themselves,
and often better on new images.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnnrs import _arguments

__all__ = ["EMA", "SWA", "Average"]


class Average:
    """Base class of averages."""

    def weight(self, updates: int, count: int) -> float:
        """How far the average goes towards the weights after an update: 0 leaves it, 1 makes it the
        weights.

        Parameters
        ----------
        updates : int
            Updates done, this one included.
        count : int
            How often the average was changed before.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class EMA(Average):
    """Exponential moving average, ``average = decay · average + (1 - decay) · w`` after every
    update; it starts as the weights.

    Parameters
    ----------
    decay : float
        From 0 to 1; it looks back over about ``1 / (1 - decay)`` updates.

    References
    ----------
    B. Polyak, A. Juditsky: Acceleration of stochastic approximation by averaging. 1992.

    Examples
    --------
    >>> EMA(0.99).weight(updates=1, count=0)
    1.0
    """

    decay: float = 0.999

    def __post_init__(self) -> None:
        _arguments.number("decay", self.decay, 0, 1)

    def weight(self, updates: int, count: int) -> float:
        """``1 - decay``, after a start from the weights."""
        return 1.0 - self.decay if count else 1.0


@dataclass(frozen=True)
class SWA(Average):
    """Stochastic weight averaging: the plain mean of the weights after some of the updates.

    Parameters
    ----------
    start : int
        The update after which the averaging begins; the last quarter of the training is usual.
    every : int
        Updates between two that are averaged; those of one epoch are usual.

    References
    ----------
    P. Izmailov et al.: Averaging Weights Leads to Wider Optima and Better Generalization. UAI 2018.

    Examples
    --------
    >>> average = SWA(start=10, every=5)
    >>> [average.weight(10, 0), average.weight(12, 1), average.weight(15, 1)]
    [1.0, 0.0, 0.5]
    """

    start: int = 0
    every: int = 1

    def __post_init__(self) -> None:
        _arguments.integer("start", self.start)
        _arguments.integer("every", self.every, 1)

    def weight(self, updates: int, count: int) -> float:
        """One part in the number of weights averaged so far."""
        due = updates >= max(self.start, 1) and (updates - self.start) % self.every == 0
        return 1.0 / (count + 1) if due else 0.0
