"""Trainings that are cut off, and a small one to cut off."""

import numpy as np
import pytest

import cnnrs
from cnnrs.callbacks import Callback
from cnnrs.layers import Dense, Dropout
from cnnrs.optimizers import SGD
from trainer.resumable import make


class Killed(BaseException):
    """Ends a training where no code expects it."""


class KillAt(Callback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, trainer, loss):
        if trainer.step == self.step:
            raise Killed


def interrupted(folder, step, **changes):
    """Train until a step, and lose everything but the files."""
    trainer, arguments = make(folder, **changes)
    arguments["callbacks"] = [*arguments["callbacks"], KillAt(step)]
    with pytest.raises(Killed):
        trainer.fit(**arguments)


def small(seed=0, *, units=4, rate=0.1, trainer_seed=1, loss="cross_entropy", leak_guard=True):
    model = cnnrs.Sequential((2,), [Dense(units), Dropout(0.2), Dense(2)], seed=seed)
    return cnnrs.Trainer(
        model, loss, optimizer=SGD(rate, 0.9), seed=trainer_seed, leak_guard=leak_guard
    )


DATA = np.eye(2, dtype=np.float32).repeat(8, axis=0), np.arange(2).repeat(8)
ALL = {"batch_size": 4, "checkpoint_every": 1}


def names(folder):
    return [path.name for path in sorted(folder.iterdir())]
