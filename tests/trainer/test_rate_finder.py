"""The learning-rate finder: what it sees, and that it leaves no trace."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import CnnrsError
from cnnrs.layers import Dense, Dropout, ReLU
from cnnrs.optimizers import EMA, SGD, Adam
from cnnrs.trainer import RateSearch, Trainer, find_learning_rate


def everything(trainer):
    state = trainer.runtime.updater.state_dict()
    arrays = {**trainer.model.state_dict(), **state["arrays"]}
    return (
        {name: array.copy() for name, array in arrays.items()},
        state["numbers"],
        trainer.step,
        trainer.learning_rate,
    )


@pytest.fixture
def data(rng):
    labels = rng.integers(0, 4, 96)
    return np.eye(4)[labels].astype(np.float32) + 0.3 * rng.standard_normal((96, 4)).astype(
        np.float32
    ), labels


@pytest.mark.parametrize("steps_before", [0, 3])
def test_it_leaves_no_trace(steps_before, data):
    def trainer():
        model = cnnrs.Sequential((4,), [Dense(16), ReLU(), Dropout(0.2), Dense(4)])
        return Trainer(
            model, optimizer=Adam(cnnrs.schedules.Plateau(0.01)), accumulate=2, average=EMA(0.9)
        )

    searched, other = trainer(), trainer()
    for _ in range(steps_before):
        searched.train_step(*data)
        other.train_step(*data)
    before = everything(searched)
    search = find_learning_rate(searched, data, steps=25, batch_size=16)
    after = everything(searched)
    assert before[0].keys() == after[0].keys()
    assert all(np.array_equal(before[0][name], after[0][name]) for name in before[0])
    assert before[1:] == after[1:]
    assert len(search.rates) == len(search.losses) > 3
    for _ in range(3):
        assert searched.train_step(*data) == other.train_step(*data)
    assert np.array_equal(searched.model.runtime.arena.values, other.model.runtime.arena.values)
    assert not searched.runtime.leak_guard.count(data[0]), "the images count as not trained on"


def test_the_suggestion_trains_and_the_end_explodes(data):
    trainer = Trainer(cnnrs.Sequential((4,), [Dense(16), ReLU(), Dense(4)]), optimizer=SGD(0.1))
    search = find_learning_rate(trainer, data, low=1e-4, high=1e4, steps=80, batch_size=32)
    assert 1e-3 < search.suggestion < 100
    assert len(search.rates) < 80 or search.losses[-1] > search.losses.min()
    good = Trainer(trainer.model, optimizer=SGD(search.suggestion))
    assert good.fit(data, epochs=10)["loss"][-1] < 0.7 * search.losses[0]


def test_the_suggestion_is_the_steepest_place_before_the_lowest():
    rates = np.geomspace(1e-3, 1, 31)
    losses = np.concatenate(
        [np.full(10, 2.0), np.linspace(2, 1, 11), np.full(5, 1.0), np.full(5, 9.0)]
    )
    search = RateSearch(rates, losses)
    assert rates[9] < search.suggestion < rates[22]
    np.testing.assert_allclose(search.smoothed[:10], 2.0)


def test_what_cannot_be_searched(data):
    trainer = Trainer(cnnrs.Sequential((4,), [Dense(4)]))
    for options in ({"low": 0}, {"low": 1, "high": 0.1}, {"steps": 2}, {"stop_factor": 0.5}):
        with pytest.raises(CnnrsError):
            find_learning_rate(trainer, data, **options)
    with pytest.raises(CnnrsError, match="only 2"):
        find_learning_rate(trainer, iter([data, data]))
    before = trainer.model.runtime.arena.values.copy()
    bad = data[0].copy(), data[1].copy()
    bad[1][50] = 4
    with pytest.raises(CnnrsError, match="classes from 0 to 3"):
        find_learning_rate(trainer, bad, batch_size=16)
    assert np.array_equal(trainer.model.runtime.arena.values, before)
    assert trainer.step == 0


@pytest.mark.slow
def test_it_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    from cnnrs import plot

    rates = np.geomspace(1e-4, 1, 20)
    path = plot.learning_rates(
        RateSearch(rates, 2 - np.exp(-((np.log10(rates) + 1.5) ** 2))), tmp_path / "rates.png"
    )
    assert path.read_bytes()[:4] == b"\x89PNG"
