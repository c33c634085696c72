"""Placing buffers: none that live together may overlap, and the block is not wasteful."""

import numpy as np
import pytest

from cnnrs.model.plan.placement import Buffer, place


def test_a_chain_needs_two_places():
    buffers = [Buffer(64, time, time + 1) for time in range(10)]
    assert place(buffers) == 128


def test_a_gap_is_filled():
    buffers = [Buffer(128, 0, 9), Buffer(64, 0, 3), Buffer(64, 4, 9)]
    assert place(buffers) == 192


@pytest.mark.parametrize("case", range(30))
def test_what_lives_together_is_apart(case):
    random = np.random.default_rng(case)
    buffers = []
    for _ in range(random.integers(1, 40)):
        first = int(random.integers(0, 30))
        buffers.append(
            Buffer(64 * int(random.integers(1, 20)), first, first + int(random.integers(0, 12)))
        )
    total = place(buffers)
    busiest = max(sum(b.size for b in buffers if b.first <= time <= b.last) for time in range(45))
    assert busiest <= total <= 2 * busiest
    for index, one in enumerate(buffers):
        assert 0 <= one.offset <= total - one.size
        for other in buffers[:index]:
            together = one.first <= other.last and other.first <= one.last
            assert (
                not together
                or one.offset + one.size <= other.offset
                or other.offset + other.size <= one.offset
            )
