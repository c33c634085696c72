"""Exact resume: a training interrupted anywhere, and resumed, ends with the same bits as one that
was not.
"""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cnnrs
from cnnrs import optimizers, schedules
from cnnrs.callbacks import Callback, EarlyStopping
from cnnrs.errors import ArgumentError
from cnnrs.layers import Dense, Dropout
from cnnrs.optimizers import SGD
from subset import rest_is_slow
from trainer.interruptions import ALL, DATA, KillAt, Killed, interrupted, small
from trainer.resumable import STEPS, make, outcome

RULES = ["sgd", "adam"]


@pytest.fixture(scope="module", params=RULES)
def truth(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    trainer, arguments = make(folder, optimizer=request.param)
    trainer.fit(**arguments)
    assert trainer.step == STEPS
    return request.param, outcome(trainer, folder)


@pytest.mark.parametrize(
    "step", rest_is_slow([1, 2, 3, 8, 9, 10, 17, 18, 19, 27, 35, 36], [1, 10, 18, 35])
)
def test_resumed_after_any_step(truth, tmp_path, step, thread_count):
    rule, expected = truth
    cnnrs.set_num_threads(1)
    interrupted(tmp_path, step, optimizer=rule)
    cnnrs.set_num_threads(1 + step % 3)
    trainer, arguments = make(tmp_path, optimizer=rule)
    trainer.fit(**arguments)
    assert outcome(trainer, tmp_path) == expected


@pytest.mark.slow
def test_interrupted_again_and_again(truth, tmp_path):
    rule, expected = truth
    for step in range(3, STEPS, 4):
        interrupted(tmp_path, step, optimizer=rule)
    trainer, arguments = make(tmp_path, optimizer=rule)
    trainer.fit(**arguments)
    assert outcome(trainer, tmp_path) == expected


def test_a_checkpoint_after_every_epoch(truth, tmp_path):
    rule, expected = truth
    interrupted(tmp_path, 25, optimizer=rule, checkpoint_every=None)
    steps = []

    class Count(Callback):
        def on_step_end(self, trainer, loss):
            steps.append(trainer.step)

    trainer, arguments = make(tmp_path, optimizer=rule, checkpoint_every=None)
    arguments["callbacks"] = [*arguments["callbacks"], Count()]
    trainer.fit(**arguments)
    assert steps == list(range(19, STEPS + 1)), "what was done is not done again"
    assert outcome(trainer, tmp_path) == expected


def test_a_finished_training_is_loaded_and_not_repeated(truth, tmp_path):
    rule, expected = truth
    for _ in range(2):
        trainer, arguments = make(tmp_path, optimizer=rule)
        trainer.fit(**arguments)
        assert outcome(trainer, tmp_path) == expected


def test_the_same_trainer_goes_on_after_ctrl_c(truth, tmp_path):
    rule, expected = truth

    class CtrlC(Callback):
        def on_step_end(self, trainer, loss):
            if trainer.step == 21:
                raise KeyboardInterrupt

    trainer, arguments = make(tmp_path, optimizer=rule)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(**{**arguments, "callbacks": [*arguments["callbacks"], CtrlC()]})
    trainer.fit(**arguments)
    assert outcome(trainer, tmp_path) == expected


def run(folder, result, threads, rule, kill_after=None):
    """Train in a process of its own, and perhaps kill it; returns how it ended, and how long it
    trained.
    """
    command = [
        sys.executable,
        str(Path(__file__).with_name("resumable.py")),
        str(folder),
        str(result),
        str(threads),
        rule,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        start = time.monotonic()
        if kill_after is not None:
            time.sleep(kill_after)
            process.send_signal(signal.SIGKILL)
        return process.wait(), time.monotonic() - start


@pytest.mark.slow
def test_twenty_random_kills(tmp_path):
    """Several trainings, each killed a few times at random moments, each time resumed with another
    number of threads.
    """
    dice, kills = random.Random(7), 0
    for rule in RULES:
        returned, length = run(tmp_path / rule, tmp_path / "whole.json", 1, rule)
        assert returned == 0
        expected = json.loads((tmp_path / "whole.json").read_text())
        while kills < 20 * (RULES.index(rule) + 1) / len(RULES):
            folder, result = tmp_path / f"{rule}-{kills}", tmp_path / "result.json"
            for _ in range(5):
                kills += (
                    run(folder, result, dice.randint(1, 3), rule, dice.uniform(0, length))[0]
                    == -signal.SIGKILL
                )
            assert run(folder, result, dice.randint(1, 3), rule)[0] == 0
            assert json.loads(result.read_text()) == expected
    assert kills >= 20


def test_two_calls_of_fit(tmp_path):
    def both(folder, kill=None):
        trainer = small()
        trainer.fit(DATA, epochs=1, checkpoint_dir=folder / "a", **ALL)
        trainer.fit(
            DATA,
            epochs=1,
            checkpoint_dir=folder / "b",
            callbacks=[KillAt(kill)] if kill else [],
            **ALL,
        )
        return trainer.model.runtime.arena.values.copy(), trainer.epoch

    whole = both(tmp_path / "whole")
    with pytest.raises(Killed):
        both(tmp_path / "killed", 7)
    again = both(tmp_path / "killed")
    assert np.array_equal(whole[0], again[0])
    assert whole[1] == again[1] == 2
    trainer = small()
    for epoch in (1, 2):
        trainer.fit(DATA, epochs=1, checkpoint_dir=tmp_path / "one", **ALL)
        assert trainer.epoch == epoch, "a further call is no resumed one"
    assert np.array_equal(trainer.model.runtime.arena.values, whole[0])
    with pytest.raises(ArgumentError, match="another call of fit"):
        small().fit(DATA, epochs=1, checkpoint_dir=tmp_path / "one", **ALL)


@pytest.mark.parametrize("step", [1, 2, 4, 5, 7, 11])
@pytest.mark.parametrize("average", [optimizers.SWA(start=2, every=2), None], ids=repr)
def test_gradients_that_wait_for_more_are_resumed(tmp_path, step, average):
    def trainer():
        model = cnnrs.Sequential((2,), [Dense(4), Dropout(0.2), Dense(2)])
        return cnnrs.Trainer(
            model,
            optimizer=SGD(schedules.Cosine(0.2), 0.9, clip_norm=0.5),
            accumulate=3,
            average=average,
        )

    arguments = {"data": DATA, "validation": DATA, "epochs": 3, **ALL}
    whole = trainer()
    whole.fit(**{**arguments, "checkpoint_every": None})
    with pytest.raises(Killed):
        trainer().fit(checkpoint_dir=tmp_path, callbacks=[KillAt(step)], **arguments)
    again = trainer()
    again.fit(checkpoint_dir=tmp_path, **arguments)
    assert np.array_equal(again.model.runtime.arena.values, whole.model.runtime.arena.values)
    assert again.runtime.updater.updates == whole.runtime.updater.updates == 4
    assert again.history["learning_rate"] == whole.history["learning_rate"]
    assert again.history["val_loss"] == whole.history["val_loss"]


def test_more_epochs_than_at_first(tmp_path):
    whole = small()
    whole.fit(DATA, epochs=3, batch_size=4)
    small().fit(DATA, epochs=2, checkpoint_dir=tmp_path, **ALL)
    trainer = small()
    trainer.fit(DATA, epochs=3, checkpoint_dir=tmp_path, **ALL)
    assert np.array_equal(trainer.model.runtime.arena.values, whole.model.runtime.arena.values)


def test_early_stopping_is_resumed_with_its_best_weights(tmp_path):
    class Script(Callback):
        def on_epoch_end(self, trainer, numbers):
            numbers["val_loss"] = [5, 3, 4, 4, 4, 1][trainer.epoch - 1]

    def train(kill=None):
        trainer = small()
        callbacks = [Script(), EarlyStopping(patience=3), *([KillAt(kill)] if kill else [])]
        trainer.fit(
            DATA, epochs=6, callbacks=callbacks, checkpoint_dir=tmp_path / str(bool(kill)), **ALL
        )
        return trainer

    whole = train()
    assert whole.epoch == 5
    for kill in (6, 11, 18):
        with pytest.raises(Killed):
            train(kill)
    trainer = small()
    trainer.fit(
        DATA,
        epochs=6,
        callbacks=[Script(), EarlyStopping(patience=3)],
        checkpoint_dir=tmp_path / "True",
        **ALL,
    )
    assert trainer.epoch == 5
    assert np.array_equal(trainer.model.runtime.arena.values, whole.model.runtime.arena.values)


def test_freezing_is_part_of_the_state(tmp_path):
    class Freeze(Callback):
        def on_epoch_end(self, trainer, numbers):
            trainer.model.layers[0].trainable = False

    def train(kill=None):
        trainer = small()
        callbacks = [Freeze(), *([KillAt(kill)] if kill else [])]
        trainer.fit(
            DATA, epochs=2, callbacks=callbacks, checkpoint_dir=tmp_path / str(bool(kill)), **ALL
        )
        return trainer.model

    whole = train()
    with pytest.raises(Killed):
        train(6)
    trainer = small()
    trainer.fit(DATA, epochs=2, callbacks=[Freeze()], checkpoint_dir=tmp_path / "True", **ALL)
    assert np.array_equal(trainer.model.runtime.arena.values, whole.runtime.arena.values)
    assert not trainer.model.layers[0].trainable
