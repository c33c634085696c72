"""Schedules at points that can be worked out by hand."""

import json
import math

import numpy as np
import pytest

import cnnrs
from cnnrs import schedules
from cnnrs.errors import CnnrsError


@pytest.mark.parametrize(
    ("schedule", "points"),
    [
        (schedules.Constant(0.3), {0: 0.3, 7: 0.3}),
        (schedules.Step(1.0, every=3, factor=0.5), {0: 1, 2.9: 1, 3: 0.5, 6: 0.25}),
        (schedules.MultiStep(1.0, [2, 5]), {1.9: 1, 2: 0.1, 5: 0.01}),
        (schedules.Exponential(2.0, 0.5), {0: 2, 1: 1, 3: 0.25}),
        (
            schedules.Cosine(1.0, final_rate=0.2),
            {0: 1, 5: 0.6, 10: 0.2, 2.5: 0.2 + 0.4 * (1 + math.cos(math.pi / 4))},
        ),
        (schedules.Polynomial(1.0, power=2), {0: 1, 5: 0.25, 10: 0}),
        (
            schedules.OneCycle(1.0, peak_fraction=0.4, initial_factor=0.1, final_factor=0.0),
            {0: 0.1, 2: 0.55, 4: 1, 7: 0.5, 10: 0},
        ),
        (
            schedules.Restarts(1.0, first_epochs=2, final_rate=0.2),
            {0: 1, 1: 0.6, 1.5: 0.6 - 0.4 * math.sin(math.pi / 4), 2: 1, 5: 0.6, 1000: 1},
        ),
        (
            schedules.Restarts(1.0, first_epochs=1, growth=3),
            {0: 1, 0.5: 0.5, 1: 1, 2.5: 0.5, 4: 1, 8.5: 0.5, 13: 1},
        ),
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
        lambda: schedules.OneCycle(1.0, peak_fraction=1),
        lambda: schedules.WarmUp(1.0, epochs=0),
        lambda: schedules.Polynomial(1.0, power=-1),
        lambda: schedules.Restarts(1.0, first_epochs=0),
        lambda: schedules.Restarts(1.0, first_epochs=2, growth=0.5),
        lambda: schedules.Plateau(1.0, factor=1),
        lambda: schedules.Plateau(1.0, patience=-1),
        lambda: schedules.Plateau(1.0, mode="best"),
        lambda: schedules.Plateau(1.0).observe({"loss": 1.0}),
        lambda: schedules.Plateau(1.0).load_state_dict({"rate": 1.0}),
    ):
        with pytest.raises(CnnrsError):
            make()


def rates(schedule, values):
    found = []
    for value in values:
        schedule.observe({schedule.monitor: value})
        found.append(schedule(0, 1))
    return found


def test_plateau_by_hand():
    values = [5, 4, 4, 4, 3.9, 4, 4, 4, 4, 4, 1, 1, 1, 1]
    schedule = schedules.Plateau(1.0, factor=0.5, patience=2, cooldown=1, min_rate=0.3)
    #                                   3 bad --v   (cooling) v        v-- 3 bad       not below 0.3
    assert rates(schedule, values) == [1, 1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.3]
    assert rates(
        schedules.Plateau(1.0, "val_accuracy", factor=0.5, patience=0), [0.1, 0.2, 0.2, 0.3]
    ) == [1, 1, 0.5, 0.5]
    assert rates(
        schedules.Plateau(1.0, factor=0.5, patience=0, threshold=0.1), [1.0, 0.95, 0.89]
    ) == [1, 0.5, 0.5]
    assert rates(schedules.Plateau(1.0, factor=0.5, patience=0), [math.nan, 1.0, math.nan]) == [
        0.5,
        0.5,
        0.25,
    ]
    assert rates(schedules.Plateau(0.1, min_rate=0.2, patience=0), [1.0, 1.0]) == [0.1, 0.1]


def test_plateau_goes_on_from_its_state():
    values = np.random.default_rng(3).random(40).tolist()
    whole = schedules.Plateau(1.0, patience=1, factor=0.9, cooldown=2)
    first = rates(whole, values[:17])
    assert len(set(first)) > 1
    half = schedules.Plateau(1.0, patience=1, factor=0.9, cooldown=2)
    half.load_state_dict(json.loads(json.dumps(whole.state_dict())))
    assert rates(half, values[17:]) == rates(whole, values[17:])
    assert repr(half) == repr(schedules.Plateau(1.0, patience=1, factor=0.9, cooldown=2))


@pytest.mark.parametrize("warm", [False, True])
def test_plateau_in_a_trainer_whose_loss_cannot_fall(warm, rng):
    schedule = schedules.Plateau(0.5, "val_loss", factor=0.1, patience=0)
    model = cnnrs.Sequential((2,), [cnnrs.layers.Dense(2)])
    model.layers[0].trainable = False
    optimizer = cnnrs.optimizers.SGD(schedules.WarmUp(schedule, epochs=1) if warm else schedule)
    trainer = cnnrs.Trainer(model, optimizer=optimizer)
    data = rng.random((8, 2)), rng.integers(0, 2, 8)
    history = trainer.fit(data, epochs=4, batch_size=8, validation=data)
    assert history["learning_rate"][1:] == pytest.approx([0.5, 0.05, 0.005])
    assert schedule(0, 1) == 0.5, "what was given to the trainer stays as it was"
    again = cnnrs.Trainer(model, optimizer=optimizer)
    again.runtime.updater.load_state_dict(trainer.runtime.updater.state_dict())
    assert (
        again.runtime.updater.rate(2, 4)
        == trainer.runtime.updater.rate(2, 4)
        == pytest.approx(0.0005)
    )
