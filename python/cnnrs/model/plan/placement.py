"""Places buffers in one block of memory, so that buffers that live at the same time do not overlap.

Greedy by size: the largest buffer first, each at the lowest offset where it overlaps no buffer that
lives at the same time.

References
----------
Y. Pisarchyk, J. Lee: Efficient Memory Management for Deep Neural Net Inference. MLSys 2020
workshop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Buffer", "place"]


@dataclass(slots=True)
class Buffer:
    """A range of memory, and the times of its first and last use, both included.

    Attributes
    ----------
    size : int
        Bytes.
    first, last : int
        Times.
    offset : int
        Set by `place`.
    """

    size: int
    first: int
    last: int
    offset: int = 0

    def live_until(self, time: int) -> None:
        """Extend the lifetime to `time`, if it ends earlier."""
        self.last = max(self.last, time)


def place(buffers: Sequence[Buffer]) -> int:
    """Set the offset of every buffer, and return the bytes of the block.

    Examples
    --------
    >>> chain = [Buffer(64, 0, 1), Buffer(64, 1, 2), Buffer(64, 2, 3)]
    >>> place(chain), [buffer.offset for buffer in chain]
    (128, [0, 64, 0])
    """
    placed: list[Buffer] = []
    total = 0
    for buffer in sorted(buffers, key=lambda item: -item.size):
        start = 0
        # `placed` is sorted by offset: the first gap that is wide enough is the lowest one
        for other in placed:
            if other.last < buffer.first or buffer.last < other.first:
                continue
            if start + buffer.size <= other.offset:
                break
            start = max(start, other.offset + other.size)
        buffer.offset = start
        total = max(total, start + buffer.size)
        index = len(placed)
        while index and placed[index - 1].offset > start:
            index -= 1
        placed.insert(index, buffer)
    return total
