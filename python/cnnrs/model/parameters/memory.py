"""Aligned memory, and the amount of memory of the machine."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["ALIGNMENT", "aligned_empty", "check_fits", "megabytes", "round_up"]

ALIGNMENT = 64  # bytes: a cache line, and the widest vector register
HUGE_PAGE = 2 * 1024 * 1024  # bytes


def round_up(size: int, multiple: int = ALIGNMENT) -> int:
    """Round up to a multiple of an alignment.

    Examples
    --------
    >>> round_up(65)
    128
    """
    return -(-size // multiple) * multiple


def aligned_empty(count: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialised vector that starts on a 64-byte boundary.

    A large vector starts on the boundary of a huge page.

    Raises
    ------
    MemoryError
        If the system has no more memory.
    """
    kind = np.dtype(dtype)
    size = count * kind.itemsize
    alignment = HUGE_PAGE if size >= 4 * HUGE_PAGE else ALIGNMENT
    block = np.empty(size + alignment, np.uint8)
    start = -block.ctypes.data % alignment
    return block[start : start + size].view(kind)


def megabytes(size: int) -> str:
    """Write a number of bytes for people.

    Examples
    --------
    >>> megabytes(61_100_840 * 4)
    '244.4 MB'
    """
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:,.1f} {unit}"
    return f"{size} B"


def physical_memory() -> int | None:
    """Return the bytes of memory of this machine, or the limit of its control group.

    None where neither is known.
    """
    limits = []
    with contextlib.suppress(AttributeError, ValueError, OSError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            limits.append(int(Path(path).read_text()))
    return min((limit for limit in limits if limit > 0), default=None)


def check_fits(size: int, what: str) -> None:
    """Raise an error for more bytes than the machine has.

    Raises
    ------
    MemoryError
        If `size` bytes are more than the machine has.
    """
    limit = physical_memory()
    if limit is not None and size > limit:
        raise MemoryError(
            f"{what} takes {megabytes(size)}, and this machine has {megabytes(limit)}"
        )
