"""Callbacks: what happens between the steps of a training run besides training.

The order is that of the loop: ``on_fit_start``, then for every epoch ``on_epoch_start``, ``on_step_end`` after every update, and
``on_epoch_end`` with the numbers of the epoch (validation included); at last, also after an error or Ctrl-C, ``on_fit_end``. Several
callbacks are called in the order given. A callback ends the training by setting ``trainer.stop``.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnrs import _arguments
from cnnrs.errors import ArgumentError

__all__ = ["CSVLogger", "Callback", "EarlyStopping", "ModelCheckpoint"]


class Callback:
    """Base class; every method does nothing until a child defines it.

    Examples
    --------
    >>> class PrintLoss(Callback):
    ...     def on_epoch_end(self, trainer, numbers):
    ...         print(f"epoch {trainer.epoch}: loss {numbers['loss']:.3f}")
    """

    def on_fit_start(self, trainer: Any) -> None:
        """Before the first epoch."""

    def on_epoch_start(self, trainer: Any) -> None:
        """Before the first step of an epoch."""

    def on_step_end(self, trainer: Any, loss: float) -> None:
        """After an update; `loss` is that of the batch."""

    def on_epoch_end(self, trainer: Any, numbers: Mapping[str, float]) -> None:
        """After an epoch and its validation; `numbers` are those of the epoch by name."""

    def on_fit_end(self, trainer: Any) -> None:
        """After the last epoch, after an error, after Ctrl-C."""


class _Best:
    """The best value of one number so far."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        self.monitor = monitor
        _arguments.choice("mode", mode, ("auto", "min", "max"))
        self.sign = 1 if mode == "min" or (mode == "auto" and ("loss" in monitor or "error" in monitor)) else -1
        self.min_delta = _arguments.number("min_delta", min_delta, 0)
        self.value = math.inf  # times sign: smaller is better

    def improved(self, numbers: Mapping[str, float]) -> bool:
        if self.monitor not in numbers:
            raise ArgumentError(f"monitor: there is no {self.monitor!r} in this training; there are {', '.join(map(repr, numbers))}")
        value = self.sign * numbers[self.monitor]
        if value < self.value - self.min_delta:
            self.value = value
            return True
        return False


class EarlyStopping(Callback):
    """Stop when a number has not improved for some epochs, and go back to the best weights.

    Parameters
    ----------
    monitor : str
        Name of the number: ``val_loss``, ``val_accuracy``, ...
    patience : int
        Epochs without improvement before stopping, at least 1.
    min_delta : float
        What counts as an improvement.
    mode : {"auto", "min", "max"}
        Whether less or more is better; ``auto`` takes less for names with ``loss`` or ``error`` in them.
    restore_best : bool
        Whether to end with the weights of the best epoch.
    """

    def __init__(
        self, monitor: str = "val_loss", patience: int = 5, *, min_delta: float = 0.0, mode: str = "auto", restore_best: bool = True
    ) -> None:
        self.patience = _arguments.integer("patience", patience, 1)
        self.restore_best = restore_best
        self.arguments = monitor, mode, min_delta
        self.best = _Best(*self.arguments)
        self.waited = 0
        self.weights: dict[str, Any] | None = None

    def on_fit_start(self, trainer: Any) -> None:
        """Forget an earlier run."""
        self.best, self.waited, self.weights = _Best(*self.arguments), 0, None

    def on_epoch_end(self, trainer: Any, numbers: Mapping[str, float]) -> None:
        """Compare, and stop if it is time."""
        if self.best.improved(numbers):
            self.waited = 0
            if self.restore_best:
                self.weights = trainer.model.state_dict()
        else:
            self.waited += 1
            trainer.stop = trainer.stop or self.waited >= self.patience

    def on_fit_end(self, trainer: Any) -> None:
        """Go back to the best weights."""
        if self.weights is not None:
            trainer.model.load_state_dict(self.weights)
            self.weights = None


class ModelCheckpoint(Callback):
    """Save the model after an epoch, by default after the best one so far.

    Parameters
    ----------
    path : path
        May hold ``{epoch}`` and names of numbers: ``"model-{epoch:03d}-{val_accuracy:.4f}.cnnrs"``.
    monitor : str
    mode : {"auto", "min", "max"}
    best_only : bool
        Whether to save only when the number has improved.
    """

    def __init__(self, path: str | os.PathLike[str], monitor: str = "val_loss", *, mode: str = "auto", best_only: bool = True) -> None:
        self.path = os.fspath(path)
        self.best_only = best_only
        self.best = _Best(monitor, mode)

    def on_epoch_end(self, trainer: Any, numbers: Mapping[str, float]) -> None:
        """Save, if there is a reason."""
        if not self.best_only or self.best.improved(numbers):
            try:
                path = self.path.format(epoch=trainer.epoch, **numbers)
            except (KeyError, ValueError, IndexError) as error:
                raise ArgumentError(f"path: {self.path!r} cannot be filled in ({error}); there are epoch, {', '.join(numbers)}") from None
            trainer.model.save(path)


class CSVLogger(Callback):
    """Write the numbers of every epoch to a CSV file, line by line.

    Parameters
    ----------
    path : path
        Overwritten at the start of `fit`.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._columns: list[str] = []

    def on_fit_start(self, trainer: Any) -> None:
        """Start a new file."""
        self.path.write_text("", encoding="utf-8")
        self._columns = []

    def on_epoch_end(self, trainer: Any, numbers: Mapping[str, float]) -> None:
        """Add a line."""
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            if not self._columns:
                self._columns = list(numbers)
                writer.writerow(["epoch", *self._columns])
            writer.writerow([trainer.epoch, *(numbers.get(name, "") for name in self._columns)])
