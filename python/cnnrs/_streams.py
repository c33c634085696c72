"""Counter-based random streams: every number is a function of seed, purpose and two counters, never
of what was drawn before.

The key of a stream is ``(seed, index)``, where the index is that of a layer; the purpose stands in
the highest word of the Philox counter, so that streams of different purposes never meet; the step
stands in the word below it.
"""

import enum

import numpy as np

__all__ = ["Purpose", "generator"]


class Purpose(enum.IntEnum):
    """What random numbers are drawn for; each purpose has streams of its own."""

    INITIAL_VALUES = 0
    LAYER = 1
    TEST_VALUES = 2


def generator(seed: int, index: int, purpose: Purpose, step: int = 0) -> np.random.Generator:
    """The random stream of one seed, index, purpose and step.

    Examples
    --------
    >>> first = generator(0, 1, Purpose.LAYER).permutation(5)
    >>> bool((first == generator(0, 1, Purpose.LAYER).permutation(5)).all())
    True
    """
    return np.random.Generator(
        np.random.Philox(key=[seed, index], counter=[0, 0, step, int(purpose)])
    )
