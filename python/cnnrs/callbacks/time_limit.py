"""End a training after some time."""

from __future__ import annotations

import time
from typing import Any

from cnnrs import _arguments
from cnnrs.callbacks.base import Callback

__all__ = ["TimeLimit"]


class TimeLimit(Callback):
    """End the training after the first epoch that ends later than a time limit.

    The time before a resumed checkpoint does not count.

    Parameters
    ----------
    seconds : float
        Time since the call of `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> from cnnrs.layers import Dense
    >>> trainer = cnnrs.Trainer(cnnrs.Sequential((4,), [Dense(4)]))
    >>> data = np.eye(4), np.arange(4)
    >>> history = trainer.fit(data, epochs=20, callbacks=[cnnrs.callbacks.TimeLimit(0)])
    >>> trainer.epoch
    1
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = _arguments.number("seconds", seconds, 0)
        self._started = 0.0

    def on_fit_start(self, trainer: Any) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_epoch_end(self, trainer: Any, numbers: dict[str, float]) -> None:
        """Stop if the time is over."""
        trainer.stop = trainer.stop or time.monotonic() - self._started >= self.seconds
