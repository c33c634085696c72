"""Exact resume of everything that updates remember: moments, accumulated gradients, averages,
schedules, tallies of metrics.
"""

import numpy as np
import pytest

import cnnrs
from cnnrs.callbacks import Callback
from cnnrs.layers import Dense, Dropout, ReLU
from cnnrs.optimizers import EMA, SGD, SWA, Adagrad, Adam, AdamW, Group, Lion, Muon, RMSprop
from cnnrs.schedules import OneCycle, Plateau, Restarts, WarmUp

METRICS = ["accuracy", "f1", "roc_auc", "calibration_error"]
CASES = [
    (SGD(OneCycle(0.1), 0.9, nesterov=True, clip_norm=1.0), EMA(0.9)),
    (Adam(WarmUp(Plateau(0.01, patience=0), epochs=1), amsgrad=True), SWA(start=4, every=3)),
    (AdamW(Restarts(0.01, first_epochs=1), groups=[Group("*.bias", rate_factor=2)]), None),
    (RMSprop(1e-3, momentum=0.9, centered=True, max_norm=0.5), EMA(0.5)),
    (Adagrad(0.1, l1=1e-3), None),
    (Lion(1e-3, clip_value=0.01), EMA(0.9)),
    (Muon(0.01), None),
]


class Crash(Callback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, trainer, loss):
        if trainer.step == self.step:
            raise RuntimeError("power cut")


@pytest.mark.parametrize(("optimizer", "average"), CASES, ids=lambda case: type(case).__name__)
def test_a_run_that_crashed_ends_with_the_same_bits(optimizer, average, tmp_path, rng):
    labels = rng.integers(0, 3, 50)
    data = np.eye(3)[labels] + rng.standard_normal((50, 3)), labels

    def trainer():
        model = cnnrs.Sequential((3,), [Dense(8), ReLU(), Dropout(0.3), Dense(3)], seed=4)
        return cnnrs.Trainer(
            model, optimizer=optimizer, metrics=METRICS, accumulate=2, average=average, seed=7
        )

    options = {"epochs": 3, "batch_size": 8, "validation": data, "progress": False}
    whole = trainer()
    history = whole.fit(data, **options)
    for crash in (5, 12):  # in the middle of an epoch, in the middle of an accumulation
        with pytest.raises(RuntimeError, match="power cut"):
            trainer().fit(
                data,
                **options,
                callbacks=[Crash(crash)],
                checkpoint_dir=tmp_path,
                checkpoint_every=1,
            )
    again = trainer()
    resumed = again.fit(data, **options, checkpoint_dir=tmp_path, checkpoint_every=1)
    assert again.step == whole.step == 21
    assert np.array_equal(again.model.runtime.arena.values, whole.model.runtime.arena.values)
    mine, theirs = again.runtime.updater.state_dict(), whole.runtime.updater.state_dict()
    assert mine["numbers"] == theirs["numbers"]
    assert mine["arrays"].keys() == theirs["arrays"].keys()
    assert all(
        np.array_equal(mine["arrays"][name], theirs["arrays"][name]) for name in mine["arrays"]
    )
    for name in ("loss", "learning_rate", *METRICS, *(f"val_{metric}" for metric in METRICS)):
        assert resumed[name] == history[name], name
