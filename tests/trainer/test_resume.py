"""Exact resume: a training interrupted anywhere, and resumed, ends with the same bits as one that was not."""

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
from cnnrs.errors import ArgumentError, FormatError
from cnnrs.layers import Dense, Dropout
from cnnrs.optimizers import SGD
from cnnrs.trainer import CheckpointWarning
from trainer.resumable import STEPS, make, outcome

RULES = ["sgd", "adam"]


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


@pytest.fixture(scope="module", params=RULES)
def truth(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    trainer, arguments = make(folder, optimizer=request.param)
    trainer.fit(**arguments)
    assert trainer.step == STEPS
    return request.param, outcome(trainer, folder)


@pytest.mark.parametrize("step", [1, 2, 3, 8, 9, 10, 17, 18, 19, 27, 35, 36])
def test_resumed_after_any_step(truth, tmp_path, step, thread_count):
    rule, expected = truth
    cnnrs.set_num_threads(1)
    interrupted(tmp_path, step, optimizer=rule)
    cnnrs.set_num_threads(1 + step % 3)
    trainer, arguments = make(tmp_path, optimizer=rule)
    trainer.fit(**arguments)
    assert outcome(trainer, tmp_path) == expected


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
    """Train in a process of its own, and perhaps kill it; returns how it ended, and how long it trained."""
    command = [sys.executable, str(Path(__file__).with_name("resumable.py")), str(folder), str(result), str(threads), rule]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        start = time.monotonic()
        if kill_after is not None:
            time.sleep(kill_after)
            process.send_signal(signal.SIGKILL)
        return process.wait(), time.monotonic() - start


@pytest.mark.slow
def test_twenty_random_kills(tmp_path):
    """Several trainings, each killed a few times at random moments, each time resumed with another number of threads."""
    dice, kills = random.Random(7), 0
    for rule in RULES:
        returned, length = run(tmp_path / rule, tmp_path / "whole.json", 1, rule)
        assert returned == 0
        expected = json.loads((tmp_path / "whole.json").read_text())
        while kills < 20 * (RULES.index(rule) + 1) / len(RULES):
            folder, result = tmp_path / f"{rule}-{kills}", tmp_path / "result.json"
            for _ in range(5):
                kills += run(folder, result, dice.randint(1, 3), rule, dice.uniform(0, length))[0] == -signal.SIGKILL
            assert run(folder, result, dice.randint(1, 3), rule)[0] == 0
            assert json.loads(result.read_text()) == expected
    assert kills >= 20


# --- the folder ------------------------------------------------------------------------------------------------------------------
def small(seed=0, *, units=4, rate=0.1, trainer_seed=1, loss="cross_entropy"):
    model = cnnrs.Sequential((2,), [Dense(units), Dropout(0.2), Dense(2)], seed=seed)
    return cnnrs.Trainer(model, loss, SGD(rate, 0.9), seed=trainer_seed)


DATA = np.eye(2, dtype=np.float32).repeat(8, axis=0), np.arange(2).repeat(8)
ALL = {"batch_size": 4, "checkpoint_every": 1}


def names(folder):
    return [path.name for path in sorted(folder.iterdir())]


def test_the_newest_are_kept(tmp_path):
    small().fit(DATA, checkpoint_dir=tmp_path, keep_checkpoints=3, epochs=2, **ALL)
    assert names(tmp_path) == [f"checkpoint-{step:08d}.safetensors" for step in (6, 7, 8)]


def test_what_a_killed_writer_left_is_removed(tmp_path):
    left = tmp_path / ".checkpoint-00000003.safetensors.abc.part"
    left.write_bytes(b"half")
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    assert not left.exists()
    assert other.exists()


def damage(path, position=-1):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(tmp_path):
    whole = small()
    whole.fit(DATA, epochs=2, **{**ALL, "checkpoint_every": None})
    small().fit(DATA, checkpoint_dir=tmp_path, epochs=1, **ALL)
    damage(tmp_path / "checkpoint-00000004.safetensors")
    trainer = small()
    with pytest.warns(CheckpointWarning, match=r"checkpoint-00000004.*tensor '.*' is damaged.*checksum.*checkpoint-00000003"):
        trainer.fit(DATA, checkpoint_dir=tmp_path, epochs=2, **ALL)
    assert np.array_equal(trainer.model.arena.values, whole.model.arena.values)
    assert names(tmp_path) == [f"checkpoint-{step:08d}.safetensors" for step in (7, 8)]


def test_all_damaged_is_an_error(tmp_path):
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(CheckpointWarning) as caught, pytest.raises(FormatError, match="never"):
        small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    assert len(caught) == 2
    small().fit(DATA, checkpoint_dir=tmp_path, resume="never", **ALL)


def test_every_flipped_bit_of_a_checkpoint_is_refused_by_name_and_changes_nothing(tmp_path, rng):
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    path = tmp_path / "checkpoint-00000004.safetensors"
    data = path.read_bytes()
    trainer = small(seed=9)
    before = trainer.model.arena.values.copy()
    for position in {*range(16), *rng.integers(0, len(data), 150).tolist(), len(data) - 1}:
        flipped = bytearray(data)
        flipped[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        with pytest.raises(FormatError, match=r"checkpoint-00000004"):
            trainer.fit(DATA, resume=path, **ALL)
        assert np.array_equal(trainer.model.arena.values, before)
    assert trainer.epoch == trainer.step == 0
    assert trainer.history == {}


def test_never_starts_anew(tmp_path):
    fresh = small()
    fresh.fit(DATA, epochs=1, batch_size=4)
    small().fit(DATA, checkpoint_dir=tmp_path, epochs=3, **ALL)
    trainer = small()
    trainer.fit(DATA, checkpoint_dir=tmp_path, epochs=1, resume="never", **ALL)
    assert np.array_equal(trainer.model.arena.values, fresh.model.arena.values)
    assert names(tmp_path) == [f"checkpoint-{step:08d}.safetensors" for step in (3, 4)], "those of the earlier training are gone"


def test_a_checkpoint_by_name(tmp_path):
    whole = small()
    whole.fit(DATA, epochs=2, batch_size=4)
    small().fit(DATA, checkpoint_dir=tmp_path, epochs=2, keep_checkpoints=8, **ALL)
    trainer = small(seed=5)
    trainer.fit(DATA, resume=tmp_path / "checkpoint-00000003.safetensors", epochs=2, batch_size=4)
    assert np.array_equal(trainer.model.arena.values, whole.model.arena.values)
    with pytest.raises(FileNotFoundError):
        small().fit(DATA, resume=tmp_path / "checkpoint-9.safetensors")
    trainer.model.save(tmp_path / "model.cnnrs")
    with pytest.raises(FormatError, match="no checkpoint"):
        small().fit(DATA, resume=tmp_path / "model.cnnrs")
    with pytest.raises(FormatError, match="resume"):
        cnnrs.load(tmp_path / "checkpoint-00000003.safetensors")


@pytest.mark.parametrize(
    ("trainer", "changes", "words"),
    [
        ({"units": 5}, {}, [r"units=5", r"units=4"]),
        ({"rate": 0.2}, {}, ["optimizer is SGD", "0.2", "0.1"]),
        ({"trainer_seed": 2}, {}, ["seed is 2 here and 1 there"]),
        ({"loss": "half_sum_of_squares"}, {}, ["loss"]),
        ({}, {"batch_size": 8}, ["batch_size is 8 here and 4 there"]),
        ({}, {"shuffle": False}, ["shuffle is False here and True there"]),
        ({}, {"data": (DATA[0][:12], DATA[1][:12])}, ["samples is 12 here and 16 there"]),
        ({}, {"validation": DATA}, ["validation samples is 16 here and 0 there"]),
        ({"units": 5, "rate": 0.2}, {"batch_size": 8}, ["units=5", "optimizer", "batch_size"]),
    ],
)
def test_a_checkpoint_of_another_training_is_refused_with_what_differs(tmp_path, trainer, changes, words):
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    other = small(**trainer)
    before = other.model.arena.values.copy()
    files = names(tmp_path)
    with pytest.raises(ArgumentError, match=r"checkpoint-00000004.*another training") as caught:
        other.fit(**{"data": DATA, "checkpoint_dir": tmp_path, **ALL, **changes})
    for word in words:
        assert word in str(caught.value)
    assert np.array_equal(other.model.arena.values, before)
    assert other.step == 0
    assert names(tmp_path) == files


def forge(path, change):
    """Change a checkpoint so that its checksums are right."""
    from cnnrs.model.container import pack, unpack, write_atomically

    content, tensors = unpack(path.read_bytes())
    tensors = dict(tensors)
    del content["sha256"]
    change(content, tensors)
    write_atomically(path, pack(content, tensors))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda c, t: t.pop("model.dense_1.weight"), "dense_1.weight"),
        (lambda c, t: t.update({"model.extra": np.zeros(2)}), "model.extra"),
        (lambda c, t: t.update({"model.dense_1.bias": np.zeros(9, np.float32)}), "dense_1.bias"),
        (lambda c, t: t.update({"model.dense_1.bias": np.zeros((4, 1), np.float32)}), "dense_1.bias"),
        (lambda c, t: c["state"]["model"].pop("dense_2.bias"), "dense_2.bias"),
        (lambda c, t: c["state"]["model"].update({"dense_3.bias": {"$tensor": "model.dense_1.bias"}}), "dense_3.bias|dense_1.bias"),
        (lambda c, t: c["state"].pop("position"), "malformed|missing"),
        (lambda c, t: c["state"]["position"].update(surprise=1), "malformed"),
        (lambda c, t: c["state"]["counters"].update(step="x"), "malformed"),
        (lambda c, t: c["state"]["trainable"].pop("dense_1"), "dense_1"),
        (lambda c, t: c.update(version=99), "version 99"),
    ],
)
def test_a_forged_checkpoint_is_refused_by_name_and_changes_nothing(tmp_path, change, word):
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    path = tmp_path / "checkpoint-00000004.safetensors"
    forge(path, change)
    trainer = small(seed=9)
    before = trainer.model.arena.values.copy()
    with pytest.raises(FormatError, match=f"checkpoint-00000004.*({word})"):
        trainer.fit(DATA, resume=path, **ALL)
    assert np.array_equal(trainer.model.arena.values, before)
    assert trainer.step == 0


def test_a_checkpoint_of_a_newer_version_is_no_damage(tmp_path):
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    forge(tmp_path / "checkpoint-00000004.safetensors", lambda c, t: c.update(version=99))
    with pytest.raises(FormatError, match="newer cnnrs"):
        small().fit(DATA, checkpoint_dir=tmp_path, **ALL)


def test_two_calls_of_fit(tmp_path):
    def both(folder, kill=None):
        trainer = small()
        trainer.fit(DATA, epochs=1, checkpoint_dir=folder / "a", **ALL)
        trainer.fit(DATA, epochs=1, checkpoint_dir=folder / "b", callbacks=[KillAt(kill)] if kill else [], **ALL)
        return trainer.model.arena.values.copy(), trainer.epoch

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
    assert np.array_equal(trainer.model.arena.values, whole[0])
    with pytest.raises(ArgumentError, match="another call of fit"):
        small().fit(DATA, epochs=1, checkpoint_dir=tmp_path / "one", **ALL)


@pytest.mark.parametrize("step", [1, 2, 4, 5, 7, 11])
@pytest.mark.parametrize("average", [optimizers.SWA(start=2, every=2), None], ids=repr)
def test_gradients_that_wait_for_more_are_resumed(tmp_path, step, average):
    def trainer():
        model = cnnrs.Sequential((2,), [Dense(4), Dropout(0.2), Dense(2)])
        return cnnrs.Trainer(model, optimizer=SGD(schedules.Cosine(0.2), 0.9, clip_norm=0.5), accumulate=3, average=average)

    arguments = {"data": DATA, "validation": DATA, "epochs": 3, **ALL}
    whole = trainer()
    whole.fit(**{**arguments, "checkpoint_every": None})
    with pytest.raises(Killed):
        trainer().fit(checkpoint_dir=tmp_path, callbacks=[KillAt(step)], **arguments)
    again = trainer()
    again.fit(checkpoint_dir=tmp_path, **arguments)
    assert np.array_equal(again.model.arena.values, whole.model.arena.values)
    assert again.updater.updates == whole.updater.updates == 4
    assert again.history["learning_rate"] == whole.history["learning_rate"]
    assert again.history["val_loss"] == whole.history["val_loss"]


def test_more_epochs_than_at_first(tmp_path):
    whole = small()
    whole.fit(DATA, epochs=3, batch_size=4)
    small().fit(DATA, epochs=2, checkpoint_dir=tmp_path, **ALL)
    trainer = small()
    trainer.fit(DATA, epochs=3, checkpoint_dir=tmp_path, **ALL)
    assert np.array_equal(trainer.model.arena.values, whole.model.arena.values)


def test_early_stopping_is_resumed_with_its_best_weights(tmp_path):
    class Script(Callback):
        def on_epoch_end(self, trainer, numbers):
            numbers["val_loss"] = [5, 3, 4, 4, 4, 1][trainer.epoch - 1]

    def train(kill=None):
        trainer = small()
        callbacks = [Script(), EarlyStopping(patience=3), *([KillAt(kill)] if kill else [])]
        trainer.fit(DATA, epochs=6, callbacks=callbacks, checkpoint_dir=tmp_path / str(bool(kill)), **ALL)
        return trainer

    whole = train()
    assert whole.epoch == 5
    for kill in (6, 11, 18):
        with pytest.raises(Killed):
            train(kill)
    trainer = small()
    trainer.fit(DATA, epochs=6, callbacks=[Script(), EarlyStopping(patience=3)], checkpoint_dir=tmp_path / "True", **ALL)
    assert trainer.epoch == 5
    assert np.array_equal(trainer.model.arena.values, whole.model.arena.values)


# --- a full disk -----------------------------------------------------------------------------------------------------------------
def test_a_full_disk_loses_nothing_and_the_training_goes_on(tmp_path, monkeypatch):
    import os

    from cnnrs.model import container

    whole = small()
    whole.fit(DATA, epochs=3, batch_size=4)
    written = []
    full = {"from": 4, "to": 7}

    def write(path, parts):
        written.append(path)
        if full["from"] <= len(written) <= full["to"]:
            (path.parent / f".{path.name}.x.part").write_bytes(b"half a file")
            raise OSError(28, os.strerror(28), str(path))
        real(path, parts)

    real = container.write_atomically
    monkeypatch.setattr("cnnrs.trainer.checkpoints.write_atomically", write)
    trainer = small()
    with pytest.warns(CheckpointWarning, match=r"step 4: .*No space.*checkpoint-00000003.*goes on") as caught:
        trainer.fit(DATA, epochs=3, checkpoint_dir=tmp_path, **ALL)
    assert len(caught) == 1, "one warning, not one for every step"
    assert np.array_equal(trainer.model.arena.values, whole.model.arena.values)
    full["to"] = 10**9
    with pytest.warns(CheckpointWarning, match="none yet"), pytest.raises(OSError, match="No space"):
        small(seed=4).fit(DATA, epochs=1, checkpoint_dir=tmp_path / "other", **ALL)
    full["from"] = 10**9
    again = small()
    again.fit(DATA, epochs=3, checkpoint_dir=tmp_path, **ALL)
    assert np.array_equal(again.model.arena.values, whole.model.arena.values)


def test_a_disk_that_is_really_full(tmp_path):
    """A file system of 64 kB: the second checkpoint does not fit."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small file system")
    try:
        model = cnnrs.Sequential((2,), [Dense(800), Dense(2)])
        trainer = cnnrs.Trainer(model, optimizer=SGD(0.1, 0.9))
        with pytest.warns(CheckpointWarning, match="No space"), pytest.raises(OSError, match="No space"):
            trainer.fit(DATA, checkpoint_dir=disk, **ALL)
        assert names(disk) == ["checkpoint-00000001.safetensors"]
        assert trainer.step == 4
        again = cnnrs.Trainer(cnnrs.Sequential((2,), [Dense(800), Dense(2)]), optimizer=SGD(0.1, 0.9))
        with pytest.warns(CheckpointWarning), pytest.raises(OSError, match="No space"):
            again.fit(DATA, checkpoint_dir=disk, **ALL)
        assert np.array_equal(again.model.arena.values, model.arena.values)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        small().fit(DATA, checkpoint_dir=tmp_path / "file")


def test_freezing_is_part_of_the_state(tmp_path):
    class Freeze(Callback):
        def on_epoch_end(self, trainer, numbers):
            trainer.model.layers[0].trainable = False

    def train(kill=None):
        trainer = small()
        callbacks = [Freeze(), *([KillAt(kill)] if kill else [])]
        trainer.fit(DATA, epochs=2, callbacks=callbacks, checkpoint_dir=tmp_path / str(bool(kill)), **ALL)
        return trainer.model

    whole = train()
    with pytest.raises(Killed):
        train(6)
    trainer = small()
    trainer.fit(DATA, epochs=2, callbacks=[Freeze()], checkpoint_dir=tmp_path / "True", **ALL)
    assert np.array_equal(trainer.model.arena.values, whole.arena.values)
    assert not trainer.model.layers[0].trainable
