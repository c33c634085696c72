"""Schedules at points that can be worked out by hand."""

import math

import pytest

from cnnrs import schedules
from cnnrs.errors import CnnrsError


@pytest.mark.parametrize(
    ("schedule", "points"),
    [
        (schedules.Constant(0.3), {0: 0.3, 7: 0.3}),
        (schedules.Step(1.0, every=3, factor=0.5), {0: 1, 2.9: 1, 3: 0.5, 6: 0.25}),
        (schedules.MultiStep(1.0, [2, 5]), {1.9: 1, 2: 0.1, 5: 0.01}),
        (schedules.Exponential(2.0, 0.5), {0: 2, 1: 1, 3: 0.25}),
        (schedules.Cosine(1.0, final=0.2), {0: 1, 5: 0.6, 10: 0.2, 2.5: 0.2 + 0.4 * (1 + math.cos(math.pi / 4))}),
        (schedules.Polynomial(1.0, power=2), {0: 1, 5: 0.25, 10: 0}),
        (schedules.OneCycle(1.0, up=0.4, start=0.1, final=0.0), {0: 0.1, 2: 0.55, 4: 1, 7: 0.5, 10: 0}),
        (schedules.WarmUp(schedules.Step(1.0, every=5), epochs=4), {0: 0, 1: 0.25, 4: 1, 5: 0.1}),
        (schedules.WarmUp(0.5, epochs=2), {1: 0.25, 9: 0.5}),
    ],
)
def test_points(schedule, points):
    for epoch, rate in points.items():
        assert schedule(epoch, 10) == pytest.approx(rate, abs=1e-12), epoch


def test_bad_settings():
    for make in (
        lambda: schedules.Step(1.0, every=0),
        lambda: schedules.Exponential(1.0, 0),
        lambda: schedules.OneCycle(1.0, up=1),
        lambda: schedules.WarmUp(1.0, epochs=0),
        lambda: schedules.Polynomial(1.0, power=-1),
    ):
        with pytest.raises(CnnrsError):
            make()
