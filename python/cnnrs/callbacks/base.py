"""The base of callbacks, and the chain in which `Trainer.fit` calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnrs.errors import DTypeError

__all__ = ["Callback", "Chain"]


class Callback:
    """Base class; every method does nothing until a child defines it.

    Examples
    --------
    >>> class PrintLoss(Callback):
    ...     def on_epoch_end(self, trainer, numbers):
    ...         print(f"epoch {trainer.epoch}: loss {numbers['loss']:.3f}")
    """

    def on_fit_start(self, trainer: Any) -> None:
        """Before the first epoch, and before a checkpoint is resumed."""

    def on_epoch_start(self, trainer: Any) -> None:
        """Before the first step of an epoch."""

    def on_step_end(self, trainer: Any, loss: float) -> None:
        """After an update; `loss` is that of the batch."""

    def on_epoch_end(self, trainer: Any, numbers: dict[str, float]) -> None:
        """After an epoch and its validation; `numbers` are those of the epoch by name. What is
        added here, later callbacks see.
        """

    def on_fit_end(self, trainer: Any) -> None:
        """After the last epoch, after an error, after Ctrl-C."""

    def state_dict(self) -> dict[str, Any]:
        """What the callback remembers, for a checkpoint: numbers, texts, arrays, and lists and
        dictionaries of them.
        """
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a `state_dict` when a checkpoint is resumed, after `on_fit_start`."""


class Chain(Callback):
    """Several callbacks as one: each hook is called in the order given."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise DTypeError(
                    f"callbacks: expected cnnrs.callbacks.Callback objects, got {callback!r}"
                )
        self.callbacks = list(callbacks)

    def on_fit_start(self, trainer: Any) -> None:
        """Call all."""
        for callback in self.callbacks:
            callback.on_fit_start(trainer)

    def on_epoch_start(self, trainer: Any) -> None:
        """Call all."""
        for callback in self.callbacks:
            callback.on_epoch_start(trainer)

    def on_step_end(self, trainer: Any, loss: float) -> None:
        """Call all."""
        for callback in self.callbacks:
            callback.on_step_end(trainer, loss)

    def on_epoch_end(self, trainer: Any, numbers: dict[str, float]) -> None:
        """Call all."""
        for callback in self.callbacks:
            callback.on_epoch_end(trainer, numbers)

    def on_fit_end(self, trainer: Any) -> None:
        """Call all."""
        for callback in self.callbacks:
            callback.on_fit_end(trainer)
