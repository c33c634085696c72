"""Random streams: their purposes differ, and their numbers are fixed."""

import numpy as np

from cnnrs._streams import Purpose, generator
from cnnrs.data.random_order import random_words


def test_every_purpose_has_its_own_word() -> None:
    words = [int(purpose) for purpose in Purpose.__members__.values()]
    assert len(words) == len(set(words)) == 8
    assert all(0 <= word < 2**64 for word in words)


def test_streams_of_different_purposes_differ() -> None:
    drawn = {generator(3, 5, purpose).integers(2**63) for purpose in Purpose}
    assert len(drawn) == len(Purpose)
    orders = {int(random_words(1, purpose, (3, 5))[0]) for purpose in Purpose}
    assert len(orders) == len(Purpose)


def test_the_purpose_is_the_highest_word_of_the_counter() -> None:
    words = np.random.Philox(key=[3, 5], counter=[0, 0, 0, 0x5350_4C54]).random_raw(4)
    np.testing.assert_array_equal(random_words(4, Purpose.SPLIT, (3, 5)), words)
