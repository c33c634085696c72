"""Random orders of samples; an order depends on seed, epoch and purpose only.

The numbers are the raw 64-bit output of Philox, a counter-based generator. An order is therefore
the same on every machine and with every version of NumPy, and is computed without the orders of
earlier epochs.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnnrs._streams import Purpose

__all__ = ["balanced_order", "permutation", "random_words", "weighted_order"]


def random_words(count: int, purpose: Purpose, key: Sequence[int]) -> NDArray[np.uint64]:
    """Return `count` random 64-bit words; `key` is up to two numbers, such as seed and epoch."""
    key_words = np.array([value % 2**64 for value in (*key, 0)][:2], dtype=np.uint64)
    counter = np.array([0, 0, 0, purpose], dtype=np.uint64)
    drawn: NDArray[np.uint64] = np.random.Philox(key=key_words, counter=counter).random_raw(count)
    return drawn


def permutation(count: int, purpose: Purpose, key: Sequence[int]) -> NDArray[np.int64]:
    """Return the numbers ``0 .. count - 1`` in random order."""
    return np.argsort(random_words(count, purpose, key), kind="stable").astype(np.int64, copy=False)


def weighted_order(
    weights: NDArray[np.float64], count: int, key: Sequence[int]
) -> NDArray[np.int64]:
    """Draw `count` indices with replacement, each with a probability proportional to its weight."""
    uniform = (random_words(count, Purpose.WEIGHTED, key) >> np.uint64(11)).astype(
        np.float64
    ) * 2.0**-53
    cumulative = np.cumsum(weights)
    drawn = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
    last = int(np.flatnonzero(weights)[-1])
    clipped: NDArray[np.int64] = np.minimum(drawn, last).astype(np.int64)
    return clipped


def balanced_order(labels: NDArray[np.int64], count: int, key: Sequence[int]) -> NDArray[np.int64]:
    """Draw `count` indices with equal numbers of each class, up to one, in random order.

    The samples of a small class repeat, all equally often up to one time. Each epoch draws another
    random subset of a large class.
    """
    shuffled = permutation(len(labels), Purpose.BALANCED, key)
    classes = np.unique(labels)
    drawn = []
    for rank, label in enumerate(classes):
        members = shuffled[labels[shuffled] == label]
        wanted = count // len(classes) + (rank < count % len(classes))
        drawn.append(np.resize(members, wanted))
    order = np.concatenate(drawn)
    return order[permutation(count, Purpose.SHUFFLE, key)]
