"""The best value of a number so far."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cnnrs import _arguments
from cnnrs.errors import ArgumentError, DTypeError

__all__ = ["Best"]


class Best:
    """The best value of one number so far.

    Parameters
    ----------
    monitor : str
        Its name.
    mode : {"auto", "min", "max"}
        Whether less or more is better; ``auto`` takes less for names with ``loss`` or ``error`` in
        them.
    min_delta : float
        What counts as an improvement.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if not isinstance(monitor, str):
            raise DTypeError(
                f"monitor: expected the name of a number, such as 'val_loss', got {monitor!r}"
            )
        self.monitor = monitor
        _arguments.choice("mode", mode, ("auto", "min", "max"))
        self.sign = (
            1
            if mode == "min" or (mode == "auto" and ("loss" in monitor or "error" in monitor))
            else -1
        )
        self.min_delta = _arguments.number("min_delta", min_delta, 0)
        self.forget()

    def forget(self) -> None:
        """As if there had been no value."""
        self.value = math.inf  # times sign: smaller is better

    def improved(self, numbers: Mapping[str, float]) -> bool:
        """Whether the new value is the best so far, which it then becomes; NaN never is.

        Raises
        ------
        ArgumentError
            If there is no such number.
        """
        if self.monitor not in numbers:
            raise ArgumentError(
                f"monitor: there is no {self.monitor!r} in this training; there are "
                f"{', '.join(map(repr, numbers))}"
            )
        value = self.sign * numbers[self.monitor]
        if value < self.value - self.min_delta:
            self.value = value
            return True
        return False
