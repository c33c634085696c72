"""The learning-rate finder: a short training in which the rate grows from step to step; where does
the loss fall, where does it explode?
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments
from cnnrs.errors import ArgumentError, NonFiniteError
from cnnrs.trainer.loop.feed import Feed

__all__ = ["RateSearch", "find_learning_rate"]

SMOOTHING = 0.9  # how much of the mean loss is kept from step to step


@dataclass(frozen=True)
class RateSearch:
    """What `find_learning_rate` saw; `cnnrs.plot.learning_rates` draws it.

    Attributes
    ----------
    rates : ndarray of shape (steps,)
        Growing by the same factor in every step.
    losses : ndarray of shape (steps,)
        Of the batch, before the update with that rate.
    smoothed : ndarray of shape (steps,)
        Moving average of the losses.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]

    @property
    def smoothed(self) -> NDArray[np.float64]:
        """Moving average of the losses, corrected for its start."""
        return np.array(list(_moving_average(self.losses)))

    @property
    def suggestion(self) -> float:
        """The rate at which the smoothed loss fell most steeply, on its way to the lowest value."""
        curve = self.smoothed
        lowest = max(int(curve.argmin()), 1)
        slopes = np.gradient(curve, np.log(self.rates))
        return float(self.rates[int(slopes[: lowest + 1].argmin())])


def find_learning_rate(
    trainer: Any,
    data: Any,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    batch_size: int = 64,
    stop_factor: float = 4.0,
) -> RateSearch:
    """Train for some steps with a rate that grows from `low` to `high`; then everything is as it
    was, bit for bit.

    Parameters
    ----------
    trainer : Trainer
        Its model, loss and optimizer are used; weights, and what the optimizer remembers, are put
        back at the end, also after an error.
    data : like that of `Trainer.fit`
    low, high : float
        The first and the last rate, above 0.
    steps : int
        At least 3; several epochs, if one has fewer batches.
    batch_size : int
    stop_factor : float
        The search ends when the moving average of the loss is this many times its lowest value, or
        the loss is not finite.

    Returns
    -------
    RateSearch

    Raises
    ------
    ArgumentError
        If the loss exploded before three steps were done, or there are too few batches.

    References
    ----------
    L. Smith: Cyclical Learning Rates for Training Neural Networks. WACV 2017.

    Examples
    --------
    >>> import cnnrs
    >>> from cnnrs.layers import Dense
    >>> x, y = np.eye(4).repeat(8, axis=0), np.arange(4).repeat(8)
    >>> search = find_learning_rate(cnnrs.Trainer(cnnrs.Sequential((4,), [Dense(4)])), (x, y), steps=30, batch_size=8)
    >>> 1e-6 < search.suggestion < 10
    True
    """
    low, high = _arguments.number("low", low, 0), _arguments.number("high", high, 0)
    if not 0 < low < high:
        raise ArgumentError(f"low and high: expected 0 < low < high, got {low:g} and {high:g}")
    steps = _arguments.integer("steps", steps, 3)
    _arguments.number("stop_factor", stop_factor, 1)
    feed = Feed(data, batch_size, shuffle=True, seed=trainer.seed)
    updater, arena = trainer.updater, trainer.network.arena
    values, state, step, schedule = (
        arena.values.copy(),
        arena.state.copy(),
        trainer.step,
        updater.schedule,
    )
    remembered = updater.state_dict()
    rates, losses = np.geomspace(low, high, steps), []
    batches = _forever(feed, trainer.epoch)
    try:
        lowest = math.inf
        for rate in rates:
            updater.schedule = float(rate)
            loss = 0.0
            for _ in range(updater.accumulate):
                batch = next(batches, None)
                if batch is None:
                    break
                loss += trainer.train_step(*batch) / updater.accumulate
            if batch is None:
                break
            losses.append(loss)
            *_, smoothed = _moving_average(losses)
            lowest = min(lowest, smoothed)
            if smoothed > stop_factor * lowest:
                break
    except NonFiniteError:
        pass
    finally:
        updater.schedule = schedule
        arena.values[...], arena.state[...], trainer.step = values, state, step
        updater.load_state_dict(remembered)
    if len(losses) < 3:
        raise ArgumentError(
            f"low: only {len(losses)} steps were possible, from the rate {low:g} on; take a lower "
            "rate, or more data"
        )
    return RateSearch(rates[: len(losses)], np.array(losses))


def _moving_average(losses: Iterable[float]) -> Iterator[float]:
    """Moving averages, corrected for their start from nothing."""
    mean = 0.0
    for step, loss in enumerate(losses, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        yield mean / (1 - SMOOTHING**step)


def _forever(feed: Feed, epoch: int) -> Iterator[tuple[Any, Any]]:
    """The batches of epoch after epoch; an iterator's only once."""
    while True:
        empty = True
        for batch in feed.epoch(epoch):
            empty = False
            yield batch
        if empty or feed.once:
            return
        epoch += 1
