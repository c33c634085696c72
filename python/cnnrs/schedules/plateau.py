"""A schedule that decreases the rate when the training stops improving."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cnnrs import _arguments, _renamed
from cnnrs._representation import PasteableRepr
from cnnrs.errors import ArgumentError

__all__ = ["Plateau"]


@_renamed.keywords(lowest="min_rate")
class Plateau(PasteableRepr):
    """Multiply the rate by a factor when a monitored number has stopped improving.

    The trainer keeps the state in a copy of the schedule and saves it in checkpoints.

    Parameters
    ----------
    learning_rate : float
    monitor : str
        Name of the number: ``val_loss``, ``val_accuracy``, ...
    factor : float
        From 0 to below 1.
    patience : int
        Number of epochs without improvement before the rate changes.
    threshold : float
        Smallest relative change that counts as an improvement.
    cooldown : int
        Number of epochs after a change during which the patience is not used up.
    min_rate : float
        Lower bound on the rate.
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better; ``auto`` means ``min`` for names with ``loss`` or
        ``error`` in them, and ``max`` otherwise.

    Examples
    --------
    >>> schedule = Plateau(1.0, patience=0, factor=0.5)
    >>> for loss in (3.0, 2.0, 2.5):
    ...     schedule.observe({"val_loss": loss})
    >>> schedule(3, 10)
    0.5
    """

    def __init__(
        self,
        learning_rate: float,
        monitor: str = "val_loss",
        *,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        min_rate: float = 0.0,
        mode: str = "auto",
    ) -> None:
        self.learning_rate = _arguments.number("learning_rate", learning_rate, 0)
        self.monitor = monitor
        self.factor = _arguments.number("factor", factor, 0, 1)
        if self.factor == 1:
            raise ArgumentError("factor: expected a number below 1, got 1")
        self.patience = _arguments.integer("patience", patience)
        self.threshold = _arguments.number("threshold", threshold, 0, 1)
        self.cooldown = _arguments.integer("cooldown", cooldown)
        self.min_rate = _arguments.number("min_rate", min_rate, 0)
        self.mode = str(_arguments.choice("mode", mode, ("auto", "min", "max")))
        self._rate = self.learning_rate
        self._best: float | None = None
        self._waited = 0
        self._cooling = 0

    def __call__(self, epoch: float, epochs: int) -> float:
        """Return the learning rate."""
        return self._rate

    def observe(self, numbers: Mapping[str, float]) -> None:
        """Update the state with the numbers of an epoch.

        Raises
        ------
        ArgumentError
            If the monitored number is not among them.
        """
        if self.monitor not in numbers:
            raise ArgumentError(
                f"monitor: expected one of {', '.join(map(repr, numbers))}, got {self.monitor!r}"
            )
        value = float(numbers[self.monitor])
        if self._improves(value):
            self._best, self._waited = value, 0
        else:
            self._waited += 1
        if self._cooling:
            self._cooling -= 1
            self._waited = 0
        if self._waited > self.patience:
            self._rate = max(self._rate * self.factor, min(self.min_rate, self._rate))
            self._cooling, self._waited = self.cooldown, 0

    def _improves(self, value: float) -> bool:
        if self._best is None:
            return not math.isnan(value)
        if self.mode == "min" or (
            self.mode == "auto" and ("loss" in self.monitor or "error" in self.monitor)
        ):
            return value < self._best * (1 - self.threshold)
        return value > self._best * (1 + self.threshold)

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""
        return {
            "rate": self._rate,
            "best": self._best,
            "waited": self._waited,
            "cooling": self._cooling,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a state that `state_dict` returned.

        Raises
        ------
        ArgumentError
            If `state` has other keys.
        """
        if state.keys() != self.state_dict().keys():
            raise ArgumentError(
                f"state: expected {', '.join(self.state_dict())}, got "
                f"{', '.join(map(str, state)) or 'nothing'}"
            )
        self._rate = float(state["rate"])
        self._best = None if state["best"] is None else float(state["best"])
        self._waited, self._cooling = int(state["waited"]), int(state["cooling"])
