"""Base class of callbacks, and the chain that calls several of them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any

from cnnrs.errors import DTypeError

__all__ = ["Callback", "Chain"]


class Callback:
    """Base class of callbacks. Every method does nothing until a subclass defines it.

    `Lambda` makes a callback of functions, without a class.

    Examples
    --------
    >>> class PrintLoss(Callback):
    ...     def on_epoch_end(self, trainer, numbers):
    ...         print(f"epoch {trainer.epoch}: loss {numbers['loss']:.3f}")
    """

    def on_fit_start(self, trainer: Any) -> None:
        """Called before the first epoch, and before a checkpoint is resumed."""

    def on_epoch_start(self, trainer: Any) -> None:
        """Called before the first step of an epoch."""

    def on_step_end(self, trainer: Any, loss: float) -> None:
        """Called after an update, with the loss of the batch."""

    def on_epoch_end(self, trainer: Any, numbers: dict[str, float]) -> None:
        """Called after an epoch and its validation, with the numbers of the epoch by name.

        Later callbacks see numbers that are added to the dictionary.
        """

    def on_fit_end(self, trainer: Any) -> None:
        """Called after the last epoch, and also after an error or Ctrl-C."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint.

        It may hold numbers, texts, arrays, and lists and dictionaries of them.
        """
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a `state_dict`; called after `on_fit_start` when a checkpoint is resumed."""

    def __repr__(self) -> str:
        settings = []
        for name, parameter in inspect.signature(type(self)).parameters.items():
            if hasattr(self, name):
                value = getattr(self, name)
                text = repr(os.fspath(value) if isinstance(value, os.PathLike) else value)
                if text != repr(parameter.default):
                    settings.append(f"{name}={text}")
        return f"{type(self).__name__}({', '.join(settings)})"


class Chain(Callback):
    """Several callbacks as one; each method calls the callbacks in the order given.

    Parameters
    ----------
    callbacks : sequence of Callback

    Examples
    --------
    >>> from cnnrs.callbacks import Lambda
    >>> words = [Lambda(on_fit_start=lambda trainer, word=word: print(word)) for word in "ab"]
    >>> Chain(words).on_fit_start(None)
    a
    b
    """

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        if not isinstance(callbacks, (list, tuple)):
            raise DTypeError(f"callbacks: expected a list of callbacks, got {callbacks!r}")
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise DTypeError(
                    f"callbacks: expected cnnrs.callbacks.Callback objects, got {callback!r}"
                )
        self.callbacks = list(callbacks)

    def on_fit_start(self, trainer: Any) -> None:
        """Call all callbacks."""
        for callback in self.callbacks:
            callback.on_fit_start(trainer)

    def on_epoch_start(self, trainer: Any) -> None:
        """Call all callbacks."""
        for callback in self.callbacks:
            callback.on_epoch_start(trainer)

    def on_step_end(self, trainer: Any, loss: float) -> None:
        """Call all callbacks."""
        for callback in self.callbacks:
            callback.on_step_end(trainer, loss)

    def on_epoch_end(self, trainer: Any, numbers: dict[str, float]) -> None:
        """Call all callbacks."""
        for callback in self.callbacks:
            callback.on_epoch_end(trainer, numbers)

    def on_fit_end(self, trainer: Any) -> None:
        """Call all callbacks."""
        for callback in self.callbacks:
            callback.on_fit_end(trainer)
