"""Stop a training that no longer improves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnrs import _arguments
from cnnrs.callbacks.base import Callback
from cnnrs.callbacks.best import Best

__all__ = ["EarlyStopping"]


class EarlyStopping(Callback):
    """Stop when a number has not improved for some epochs, and restore the best weights.

    Parameters
    ----------
    monitor : str
        Name of the number: ``val_loss``, ``val_accuracy``, ...
    patience : int
        Epochs without improvement before the training stops, at least 1.
    min_delta : float
        Smallest change that counts as an improvement.
    mode : {"auto", "min", "max"}
        Whether less or more is better. ``"auto"`` means less for names that contain ``loss`` or
        ``error``, and more for all others.
    restore_best : bool
        Whether to end with the weights of the best epoch, and with their averages if the trainer
        averages weights.

    References
    ----------
    L. Prechelt: Early Stopping - But When? Neural Networks: Tricks of the Trade, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> from cnnrs.layers import Dense
    >>> trainer = cnnrs.Trainer(cnnrs.Sequential((4,), [Dense(4)]))
    >>> data = np.eye(4), np.arange(4)
    >>> stop = cnnrs.callbacks.EarlyStopping("loss", patience=2, min_delta=10.0)
    >>> history = trainer.fit(data, epochs=20, callbacks=[stop])
    >>> trainer.epoch
    3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 5,
        *,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best: bool = True,
    ) -> None:
        self.patience = _arguments.integer("patience", patience, 1)
        self.restore_best = _arguments.flag("restore_best", restore_best)
        self.best = Best(monitor, mode, min_delta)
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta
        self.waited = 0
        self.weights: dict[str, Any] | None = None
        self.averages: dict[str, Any] = {}

    def on_fit_start(self, trainer: Any) -> None:
        """Forget an earlier training."""
        self.best.forget()
        self.waited, self.weights, self.averages = 0, None, {}

    def on_epoch_end(self, trainer: Any, numbers: dict[str, float]) -> None:
        """Compare with the best number, and stop after `patience` epochs without improvement."""
        if self.best.improved(numbers):
            self.waited = 0
            if self.restore_best:
                self.weights = trainer.model.state_dict()
                self.averages = {
                    name: array.copy() for name, array in trainer.runtime.updater.averages.items()
                }
        else:
            self.waited += 1
            trainer.stop = trainer.stop or self.waited >= self.patience

    def on_fit_end(self, trainer: Any) -> None:
        """Restore the best weights."""
        if self.weights is not None:
            trainer.model.load_state_dict(self.weights)
            for name, array in trainer.runtime.updater.averages.items():
                if name in self.averages:
                    array[...] = self.averages[name]
            self.weights, self.averages = None, {}

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {
            "best": self.best.value,
            "waited": self.waited,
            "weights": self.weights,
            "averages": self.averages,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a `state_dict`."""
        self.best.value, self.waited = float(state["best"]), int(state["waited"])
        self.weights, self.averages = state["weights"], state["averages"]
