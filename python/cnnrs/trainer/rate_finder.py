"""Find a learning rate: train for some steps with a growing rate, and see where the loss falls."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments
from cnnrs.errors import ArgumentError, NonFiniteError
from cnnrs.trainer.loop.feed import Feed, as_pair
from cnnrs.trainer.loop.trainer import Trainer

__all__ = ["RateSearch", "find_learning_rate"]

SMOOTHING = 0.9  # weight of the earlier losses in the moving average


@dataclass(frozen=True)
class RateSearch:
    """Losses of a search for a learning rate; `cnnrs.plot.learning_rates` draws them.

    Parameters
    ----------
    rates : ndarray of shape (steps,)
        Learning rates; each is the one before it, multiplied by the same factor.
    losses : ndarray of shape (steps,)
        Loss of the batch before the update with each rate.

    Attributes
    ----------
    smoothed : ndarray of shape (steps,)
        Moving average of the losses.
    suggestion : float
        Rate at which the smoothed loss fell most steeply.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]

    @property
    def smoothed(self) -> NDArray[np.float64]:
        """Moving average of the losses, corrected for its start."""
        return np.array(list(_moving_average(self.losses)))

    @property
    def suggestion(self) -> float:
        """Rate at which the smoothed loss fell most steeply, before its lowest value."""
        curve = self.smoothed
        lowest = max(int(curve.argmin()), 1)
        slopes = np.gradient(curve, np.log(self.rates))
        return float(self.rates[int(slopes[: lowest + 1].argmin())])


def find_learning_rate(
    trainer: Trainer,
    data: Any,
    y: Any = None,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    batch_size: int = 64,
    stop_factor: float = 4.0,
) -> RateSearch:
    """Train for some steps with a rate that grows from `low` to `high`, and record the losses.

    Afterwards the trainer is as it was, bit for bit.

    Parameters
    ----------
    trainer : Trainer
        Its model, loss and optimizer are used. Weights and optimizer state are restored at the end,
        also after an error.
    data, y : data as for `Trainer.fit`
    low, high : float
        First and last rate, above 0.
    steps : int
        Number of rates, at least 3. If an epoch has fewer batches, there are several epochs.
    batch_size : int
        Samples per batch.
    stop_factor : float
        The search ends when the moving average of the loss exceeds its lowest value by this
        factor, or the loss is not finite.

    Returns
    -------
    RateSearch

    Raises
    ------
    ArgumentError
        If there are too few batches, or the loss exploded before the third step.

    References
    ----------
    L. Smith: Cyclical Learning Rates for Training Neural Networks. WACV 2017.

    Examples
    --------
    >>> import cnnrs
    >>> from cnnrs.layers import Dense
    >>> x, y = np.eye(4).repeat(8, axis=0), np.arange(4).repeat(8)
    >>> trainer = cnnrs.Trainer(cnnrs.Sequential((4,), [Dense(4)]))
    >>> search = find_learning_rate(trainer, x, y, steps=30, batch_size=8)
    >>> 1e-6 < search.suggestion < 10
    True
    """
    low, high = _arguments.number("low", low, 0), _arguments.number("high", high, 0)
    if not 0 < low < high:
        raise ArgumentError(f"low and high: expected 0 < low < high, got {low:g} and {high:g}")
    steps = _arguments.integer("steps", steps, 3)
    _arguments.number("stop_factor", stop_factor, 1)
    feed = Feed(as_pair(data, y), batch_size, shuffle=True, seed=trainer.seed)
    updater, arena = trainer.runtime.updater, trainer.runtime.network.runtime.arena
    values, state, step, schedule = (
        arena.values.copy(),
        arena.state.copy(),
        trainer.step,
        updater.schedule,
    )
    optimizer_state = updater.state_dict()
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
        updater.load_state_dict(optimizer_state)
    if len(losses) < 3:
        raise ArgumentError(
            f"low: expected a rate from which at least 3 steps are possible, got {low:g} with only "
            f"{len(losses)} steps; use a lower rate, or more data"
        )
    return RateSearch(rates[: len(losses)], np.array(losses))


def _moving_average(losses: Iterable[float]) -> Iterator[float]:
    """Yield the moving averages, corrected for their start at 0."""
    mean = 0.0
    for step, loss in enumerate(losses, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        yield mean / (1 - SMOOTHING**step)


def _forever(feed: Feed, epoch: int) -> Iterator[tuple[Any, Any]]:
    """Yield the batches of epoch after epoch; of one epoch if the data are an iterator."""
    while True:
        empty = True
        for batch in feed.epoch(epoch):
            empty = False
            yield batch
        if empty or feed.once:
            return
        epoch += 1
