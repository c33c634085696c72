"""Make a callback of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnrs.callbacks.base import Callback
from cnnrs.errors import DTypeError

__all__ = ["Lambda"]


class Lambda(Callback):
    """Call functions between the steps of a training.

    Parameters
    ----------
    on_fit_start, on_epoch_start : callable, optional
        Called as ``function(trainer)``.
    on_step_end : callable, optional
        Called as ``function(trainer, loss)``.
    on_epoch_end : callable, optional
        Called as ``function(trainer, numbers)``.
    on_fit_end : callable, optional
        Called as ``function(trainer)``.

    Raises
    ------
    DTypeError
        If an argument is not callable.

    Examples
    --------
    >>> log = Lambda(on_epoch_end=lambda trainer, numbers: print(f"loss {numbers['loss']:.3f}"))
    >>> log.on_epoch_end(None, {"loss": 0.5})
    loss 0.500
    """

    def __init__(
        self,
        *,
        on_fit_start: Callable[[Any], Any] | None = None,
        on_epoch_start: Callable[[Any], Any] | None = None,
        on_step_end: Callable[[Any, float], Any] | None = None,
        on_epoch_end: Callable[[Any, dict[str, float]], Any] | None = None,
        on_fit_end: Callable[[Any], Any] | None = None,
    ) -> None:
        given = {
            "on_fit_start": on_fit_start,
            "on_epoch_start": on_epoch_start,
            "on_step_end": on_step_end,
            "on_epoch_end": on_epoch_end,
            "on_fit_end": on_fit_end,
        }
        self._functions: dict[str, Callable[..., Any]] = {}
        for name, function in given.items():
            if function is None:
                continue
            if not callable(function):
                raise DTypeError(f"{name}: expected a function, got {function!r}")
            self._functions[name] = function

    def _call(self, name: str, *arguments: Any) -> None:
        if name in self._functions:
            self._functions[name](*arguments)

    def on_fit_start(self, trainer: Any) -> None:
        """Call the function of that name."""
        self._call("on_fit_start", trainer)

    def on_epoch_start(self, trainer: Any) -> None:
        """Call the function of that name."""
        self._call("on_epoch_start", trainer)

    def on_step_end(self, trainer: Any, loss: float) -> None:
        """Call the function of that name."""
        self._call("on_step_end", trainer, loss)

    def on_epoch_end(self, trainer: Any, numbers: dict[str, float]) -> None:
        """Call the function of that name."""
        self._call("on_epoch_end", trainer, numbers)

    def on_fit_end(self, trainer: Any) -> None:
        """Call the function of that name."""
        self._call("on_fit_end", trainer)

    def __repr__(self) -> str:
        functions = (f"{name}={function!r}" for name, function in self._functions.items())
        return f"Lambda({', '.join(functions)})"
