"""A schedule that looks at how the training goes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cnnrs import _arguments
from cnnrs.errors import ArgumentError

__all__ = ["Plateau"]


class Plateau:
    """Multiply the rate by a factor when a number has not improved for more than some epochs.

    What it remembers is kept by the trainer, in a copy of the schedule, and is part of a
    checkpoint.

    Parameters
    ----------
    learning_rate : float
    monitor : str
        Name of the number: ``val_loss``, ``val_accuracy``, ...
    factor : float
        Below 1.
    patience : int
        Epochs without improvement that are let pass.
    threshold : float
        The part of the best value by which a better one must differ.
    cooldown : int
        Epochs after a change in which none is counted.
    lowest : float
        The rate does not fall below this.
    mode : {"auto", "min", "max"}
        Whether less or more is better; ``auto`` takes less for names with ``loss`` or ``error`` in
        them.

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
        lowest: float = 0.0,
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
        self.lowest = _arguments.number("lowest", lowest, 0)
        self.mode = str(_arguments.choice("mode", mode, ("auto", "min", "max")))
        self._rate = self.learning_rate
        self._best: float | None = None
        self._waited = 0
        self._cooling = 0

    def __call__(self, epoch: float, epochs: int) -> float:
        """The rate."""
        return self._rate

    def observe(self, numbers: Mapping[str, float]) -> None:
        """Take in the numbers of an epoch.

        Raises
        ------
        ArgumentError
            If the one to look at is not among them.
        """
        if self.monitor not in numbers:
            raise ArgumentError(
                f"monitor: there is no {self.monitor!r} in this training; there are "
                f"{', '.join(map(repr, numbers))}"
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
            self._rate = max(self._rate * self.factor, min(self.lowest, self._rate))
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
        """What it remembers."""
        return {
            "rate": self._rate,
            "best": self._best,
            "waited": self._waited,
            "cooling": self._cooling,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a `state_dict`.

        Raises
        ------
        ArgumentError
            If it is not one.
        """
        if state.keys() != self.state_dict().keys():
            raise ArgumentError(
                f"state: expected {', '.join(self.state_dict())}, got "
                f"{', '.join(map(str, state)) or 'nothing'}"
            )
        self._rate = float(state["rate"])
        self._best = None if state["best"] is None else float(state["best"])
        self._waited, self._cooling = int(state["waited"]), int(state["cooling"])

    def __repr__(self) -> str:
        names = (
            "learning_rate",
            "monitor",
            "factor",
            "patience",
            "threshold",
            "cooldown",
            "lowest",
            "mode",
        )
        return f"Plateau({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"
