"""SGD: the learning rates that converge, schedules, settings that do not fit."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError
from cnnrs.optimizers import SGD, Settings, get


@pytest.mark.parametrize(
    ("rate", "converges"), [(0.5, True), (0.99, True), (1.01, False), (1.5, False)]
)
def test_on_a_parabola_it_converges_below_two_over_the_curvature(rate, converges):
    """For L = a w² / 2 with a = 2 the limit is a rate of 1."""
    values, optimizer = np.array([1.0]), SGD(rate)
    for step in range(200):
        optimizer.update(values, 2 * values, {}, Settings(rate, step=step))
    size = float(abs(values[0]))
    assert size < 0.05 if converges else size > 10


def test_a_schedule_sets_the_rate_of_every_step(rng):
    rates = []

    class Watch(cnnrs.callbacks.Callback):
        def on_epoch_end(self, trainer, numbers):
            rates.append(numbers["learning_rate"])

    seen = []

    def schedule(epoch, epochs):
        seen.append((epoch, epochs))
        return 0.1 / (1 + epoch)

    trainer = cnnrs.Trainer(
        cnnrs.Sequential((2,), [cnnrs.layers.Dense(2)]), optimizer=SGD(schedule)
    )
    trainer.fit(
        (rng.random((8, 2)), rng.integers(0, 2, 8)), epochs=2, batch_size=2, callbacks=[Watch()]
    )
    assert {(epoch, 2) for epoch in (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75)} <= set(seen)
    assert rates == [0.1 / 1.75, 0.1 / 2.75]


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": -1},
        {"learning_rate": float("nan")},
        {"momentum": 1.1},
        {"weight_decay": -0.1},
        {"nesterov": True},
        {"momentum": 0.9, "nesterov": True, "dampening": 0.1},
    ],
)
def test_bad_settings(options):
    with pytest.raises(ArgumentError):
        SGD(**options)


def test_names():
    assert isinstance(get("sgd"), SGD)
    assert repr(SGD(0.1, 0.9)) == "SGD(learning_rate=0.1, momentum=0.9)"
    with pytest.raises(ArgumentError, match="sgd"):
        get("sdg")
