"""Defer Ctrl-C (SIGINT) while an update is applied."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["uninterrupted"]

_deferring = False  # whether the main thread is inside such a block


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer SIGINT until the end of the ``with`` block, and then run its usual handler.

    Outside the main thread this does nothing, since Python delivers signals to the main thread
    only. Inside another such block it does nothing either.
    """
    global _deferring
    if _deferring or threading.current_thread() is not threading.main_thread():
        yield
        return
    deferred: list[Any] = []
    before = signal.getsignal(signal.SIGINT)
    if before is None:  # installed by something that is not Python
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: deferred.append((number, frame)))
    _deferring = True
    try:
        yield
    finally:
        _deferring = False
        signal.signal(signal.SIGINT, before)
        if deferred:
            signal.raise_signal(signal.SIGINT)
