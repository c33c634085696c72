"""Counter-based random streams: a number depends on seed, purpose and two counters only.

The generator is Philox. Its key is two numbers, such as the seed and the index of a layer, or the
seed and the epoch. The highest word of its counter is the purpose, so that streams of different
purposes never overlap; the word below it is the step.
"""

import enum

import numpy as np

__all__ = ["Purpose", "generator"]


@enum.unique
class Purpose(enum.IntEnum):
    """Purpose of random numbers; each has its own streams."""

    INITIAL_VALUES = 0
    LAYER = 1
    TEST_VALUES = 2
    SHUFFLE = 0x5348_5546
    SPLIT = 0x5350_4C54
    FOLDS = 0x464F_4C44
    WEIGHTED = 0x5745_4947
    BALANCED = 0x4241_4C41


def generator(seed: int, index: int, purpose: Purpose, step: int = 0) -> np.random.Generator:
    """Return the random stream of a seed, index, purpose and step.

    Examples
    --------
    >>> first = generator(0, 1, Purpose.LAYER).permutation(5)
    >>> bool((first == generator(0, 1, Purpose.LAYER).permutation(5)).all())
    True
    """
    return np.random.Generator(
        np.random.Philox(key=[seed, index], counter=[0, 0, step, int(purpose)])
    )
