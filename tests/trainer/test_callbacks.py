"""Callbacks: stopping early, keeping the best, writing a log."""

import csv

import numpy as np
import pytest

import cnnrs
from cnnrs.callbacks import Callback, CSVLogger, EarlyStopping, ModelCheckpoint
from cnnrs.errors import ArgumentError
from cnnrs.layers import Dense
from cnnrs.optimizers import SGD


@pytest.fixture
def trainer():
    return cnnrs.Trainer(cnnrs.Sequential((2,), [Dense(2)]), optimizer=SGD(0.1))


DATA = np.eye(2).repeat(4, axis=0), np.arange(2).repeat(4)


class Script(Callback):
    """Replaces a number by what a list says, and marks the weights with the epoch."""

    def __init__(self, values):
        self.values = list(values)

    def on_epoch_end(self, trainer, numbers):
        numbers["val_loss"] = self.values[trainer.epoch - 1]
        trainer.model.layers[0].bias[...] = trainer.epoch


def test_early_stopping_waits_and_goes_back_to_the_best(trainer):
    script = Script([5, 4, 6, 3, 3, 4, 5, 1])
    history = trainer.fit(DATA, epochs=8, callbacks=[script, EarlyStopping(patience=3)])
    assert trainer.epoch == len(history["loss"]) == 7
    assert trainer.model.layers[0].bias.tolist() == [4, 4]


def test_early_stopping_may_keep_the_last_weights(trainer):
    trainer.fit(DATA, epochs=8, callbacks=[Script([1, 2, 3]), EarlyStopping(patience=2, restore_best=False)])
    assert trainer.model.layers[0].bias.tolist() == [3, 3]


def test_more_is_better_for_accuracies_and_small_gains_do_not_count(trainer):
    trainer.fit(DATA, epochs=6, callbacks=[Script([0] * 6), EarlyStopping("accuracy", patience=2, min_delta=0.01)])
    assert trainer.epoch < 6


def test_an_unknown_number_is_named(trainer):
    with pytest.raises(ArgumentError, match=r"val_accuracy.*'loss'"):
        trainer.fit(DATA, callbacks=[EarlyStopping("val_accuracy")])


def test_checkpoints_keep_the_best_or_all(trainer, tmp_path):
    script = Script([5, 4, 6])
    best = ModelCheckpoint(tmp_path / "best.cnnrs")
    every = ModelCheckpoint(tmp_path / "{epoch:02d}-{val_loss:.1f}.cnnrs", best_only=False)
    trainer.fit(DATA, epochs=3, callbacks=[script, best, every])
    assert cnnrs.load(tmp_path / "best.cnnrs").layers[0].bias.tolist() == [2, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01-5.0.cnnrs", "02-4.0.cnnrs", "03-6.0.cnnrs", "best.cnnrs"]
    with pytest.raises(ArgumentError, match="fill"):
        trainer.fit(DATA, callbacks=[ModelCheckpoint(tmp_path / "{nothing}.cnnrs", best_only=False)])


def test_the_log_has_a_line_per_epoch(trainer, tmp_path):
    history = trainer.fit(DATA, epochs=3, callbacks=[CSVLogger(tmp_path / "log.csv")])
    with (tmp_path / "log.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [float(row["loss"]) for row in rows] == history["loss"]
