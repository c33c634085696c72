"""Holds Ctrl-C back for the short time in which something must not be half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["uninterrupted"]

_holding = False  # whether the main thread is within such a block


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay SIGINT until the ``with`` block has ended; what handled it before then handles it.

    Outside the main thread nothing is done, for Python delivers signals to the main thread only;
    nor in a block within another.
    """
    global _holding
    if _holding or threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[Any] = []
    before = signal.getsignal(signal.SIGINT)
    if before is None:  # installed by something that is not Python
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    _holding = True
    try:
        yield
    finally:
        _holding = False
        signal.signal(signal.SIGINT, before)
        if held:
            signal.raise_signal(signal.SIGINT)
