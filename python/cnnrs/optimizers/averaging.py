"""Averages of the weights over the training, which are often more accurate on new images."""

from __future__ import annotations

from dataclasses import dataclass

from cnnrs import _arguments
from cnnrs._representation import PasteableRepr

__all__ = ["EMA", "SWA", "Average"]


class Average(PasteableRepr):
    """Base class of averages of the parameters over the updates.

    Examples
    --------
    >>> class Mean(Average):
    ...     def weight(self, updates, count):
    ...         return 1 / (count + 1)
    >>> [Mean().weight(updates=n + 1, count=n) for n in range(4)]
    [1.0, 0.5, 0.3333333333333333, 0.25]
    """

    def weight(self, updates: int, count: int) -> float:
        """Return the weight of the current parameters in the average after an update.

        0 leaves the average unchanged, 1 replaces it.

        Parameters
        ----------
        updates : int
            Number of updates so far, including this one.
        count : int
            Number of earlier changes of the average.
        """
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class EMA(Average):
    """Exponential moving average, ``average = decay · average + (1 - decay) · w``.

    It is updated after every step, and starts as the weights after the first.

    Parameters
    ----------
    decay : float
        From 0 to 1; the average covers about the last ``1 / (1 - decay)`` updates.

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
        """Return ``1 - decay``, and 1 for the first update."""
        return 1.0 - self.decay if count else 1.0


@dataclass(frozen=True, repr=False)
class SWA(Average):
    """Stochastic weight averaging: the mean of the weights after some of the updates.

    Parameters
    ----------
    start : int
        Number of updates before the averaging starts; three quarters of the training is usual.
    every : int
        Average after every `every` updates; the number of updates in an epoch is usual.

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
        """Return ``1 / (count + 1)`` when an average is due, and 0 otherwise."""
        due = updates >= max(self.start, 1) and (updates - self.start) % self.every == 0
        return 1.0 / (count + 1) if due else 0.0
