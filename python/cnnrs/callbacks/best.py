"""Keep the best value of a number."""

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
        Name of the number.
    mode : {"auto", "min", "max"}
        Whether less or more is better. ``"auto"`` means less for names that contain ``loss`` or
        ``error``, and more for all others.
    min_delta : float
        Smallest change that counts as an improvement.
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
        """Forget all values."""
        self.value = math.inf  # multiplied by the sign, so that smaller is better

    def improved(self, numbers: Mapping[str, float]) -> bool:
        """Return whether the new value is the best so far, and keep it then. NaN never is the best.

        Raises
        ------
        ArgumentError
            If there is no number of that name.
        """
        if self.monitor not in numbers:
            raise ArgumentError(
                f"monitor: expected one of {', '.join(map(repr, numbers))}, got {self.monitor!r}"
            )
        value = self.sign * numbers[self.monitor]
        if value < self.value - self.min_delta:
            self.value = value
            return True
        return False
