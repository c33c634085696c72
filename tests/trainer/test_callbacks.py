"""Callbacks: stopping early, keeping the best, writing a log."""

import csv
import sys

import numpy as np
import pytest

import cnnrs
from cnnrs.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    GradientNorms,
    Lambda,
    ModelCheckpoint,
    TensorBoard,
    TimeLimit,
)
from cnnrs.errors import ArgumentError, DTypeError
from cnnrs.layers import Dense, Sigmoid
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
    trainer.fit(
        DATA, epochs=8, callbacks=[Script([1, 2, 3]), EarlyStopping(patience=2, restore_best=False)]
    )
    assert trainer.model.layers[0].bias.tolist() == [3, 3]


def test_more_is_better_for_accuracies_and_small_gains_do_not_count(trainer):
    trainer.fit(
        DATA,
        epochs=6,
        callbacks=[Script([0] * 6), EarlyStopping("accuracy", patience=2, min_delta=0.01)],
    )
    assert trainer.epoch < 6


def test_an_unknown_number_is_named(trainer):
    with pytest.raises(ArgumentError, match=r"monitor: expected .*'loss'.*got 'val_accuracy'"):
        trainer.fit(DATA, callbacks=[EarlyStopping("val_accuracy")])


def test_checkpoints_keep_the_best_or_all(trainer, tmp_path):
    script = Script([5, 4, 6])
    best = ModelCheckpoint(tmp_path / "best.cnnrs")
    every = ModelCheckpoint(tmp_path / "{epoch:02d}-{val_loss:.1f}.cnnrs", best_only=False)
    trainer.fit(DATA, epochs=3, callbacks=[script, best, every])
    assert cnnrs.load(tmp_path / "best.cnnrs").layers[0].bias.tolist() == [2, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "01-5.0.cnnrs",
        "02-4.0.cnnrs",
        "03-6.0.cnnrs",
        "best.cnnrs",
    ]
    with pytest.raises(ArgumentError, match="fill"):
        trainer.fit(
            DATA, callbacks=[ModelCheckpoint(tmp_path / "{nothing}.cnnrs", best_only=False)]
        )


def test_the_log_has_a_line_per_epoch(trainer, tmp_path):
    history = trainer.fit(DATA, epochs=3, callbacks=[CSVLogger(tmp_path / "log.csv")])
    with (tmp_path / "log.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [float(row["loss"]) for row in rows] == history["loss"]


def test_the_newest_or_the_best_few_are_kept(trainer, tmp_path):
    script = Script([5, 4, 6, 3, 2])
    newest = ModelCheckpoint(tmp_path / "new-{epoch}.cnnrs", best_only=False, keep=2)
    best = ModelCheckpoint(tmp_path / "best-{epoch}.cnnrs", keep=3)
    other = ModelCheckpoint(tmp_path / "last.cnnrs", best_only=False, keep=1)
    trainer.fit(DATA, epochs=5, callbacks=[script, newest, best, other])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(
            "best-2.cnnrs",
            "best-4.cnnrs",
            "best-5.cnnrs",
            "last.cnnrs",
            "new-4.cnnrs",
            "new-5.cnnrs",
        ),
    ]
    assert cnnrs.load(tmp_path / "last.cnnrs").layers[0].bias.tolist() == [5, 5]
    with pytest.raises(ArgumentError, match="keep"):
        ModelCheckpoint(tmp_path / "x", keep=0)


def test_nan_is_never_the_best(trainer):
    trainer.fit(
        DATA,
        epochs=9,
        callbacks=[Script([5, np.nan, np.nan, 4, *[np.nan] * 9]), EarlyStopping(patience=3)],
    )
    assert trainer.epoch == 7
    assert trainer.model.layers[0].bias.tolist() == [4, 4]


def test_a_second_training_writes_a_new_log(trainer, tmp_path):
    log = CSVLogger(tmp_path / "log.csv")
    trainer.fit(DATA, epochs=3, callbacks=[log])
    trainer.fit(DATA, epochs=2, callbacks=[log])
    assert [line.split(",")[0] for line in (tmp_path / "log.csv").read_text().splitlines()] == [
        "epoch",
        "4",
        "5",
    ]


def test_a_time_limit(trainer):
    trainer.fit(DATA, epochs=5, callbacks=[TimeLimit(0)])
    assert trainer.epoch == 1
    trainer.fit(DATA, epochs=5, callbacks=[TimeLimit(1000)])
    assert trainer.epoch == 6


def test_the_order_of_the_hooks_is_that_of_the_documentation(trainer):
    events = []

    class Record(Callback):
        def __init__(self, name):
            self.name = name

        def __getattribute__(self, hook):
            if hook.startswith("on_"):
                return lambda *arguments: events.append(
                    (hook, object.__getattribute__(self, "name"))
                )
            return object.__getattribute__(self, hook)

    trainer.fit(DATA, epochs=2, batch_size=4, callbacks=[Record("a"), Record("b")])
    once = ["on_epoch_start", *["on_step_end"] * 2, "on_epoch_end"]
    assert events == [
        (hook, name) for hook in ["on_fit_start", *once, *once, "on_fit_end"] for name in "ab"
    ]


def test_what_is_no_callback_is_refused(trainer):
    with pytest.raises(DTypeError, match="callbacks"):
        trainer.fit(DATA, callbacks=[print])


# --- functions ------------------------------------------------------------------------------------
def test_functions_are_called_for_the_events(trainer):
    events = []
    callback = Lambda(
        on_fit_start=lambda trainer: events.append("fit start"),
        on_epoch_start=lambda trainer: events.append("epoch start"),
        on_step_end=lambda trainer, loss: events.append(loss > 0),
        on_epoch_end=lambda trainer, numbers: events.append(sorted(numbers)[0]),
        on_fit_end=lambda trainer: events.append("fit end"),
    )
    trainer.fit(DATA, epochs=2, batch_size=4, callbacks=[callback, Lambda()])
    once = ["epoch start", True, True, "accuracy"]
    assert events == ["fit start", *once, *once, "fit end"]


def test_what_is_no_function_is_refused():
    with pytest.raises(DTypeError, match="on_step_end: expected a function, got 3"):
        Lambda(on_step_end=3)
    with pytest.raises(TypeError):
        Lambda(on_epoch=print)


# --- repr -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("callback", "text"),
    [
        (EarlyStopping(), "EarlyStopping()"),
        (
            EarlyStopping("val_accuracy", patience=3, restore_best=False),
            "EarlyStopping(monitor='val_accuracy', patience=3, restore_best=False)",
        ),
        (CSVLogger("log.csv"), "CSVLogger(path='log.csv')"),
        (
            ModelCheckpoint("{epoch}.cnnrs", mode="max", keep=3),
            "ModelCheckpoint(path='{epoch}.cnnrs', mode='max', keep=3)",
        ),
        (GradientNorms(every=5), "GradientNorms(every=5)"),
        (TensorBoard("run", every=5), "TensorBoard(folder='run', every=5)"),
        (TimeLimit(60), "TimeLimit(seconds=60.0)"),
        (Lambda(on_fit_end=print), "Lambda(on_fit_end=<built-in function print>)"),
        (Script([1, 2]), "Script(values=[1, 2])"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_repr_shows_what_differs_from_the_defaults(callback, text):
    assert repr(callback) == text
    if "<" not in text:
        assert repr(eval(text)) == text


# --- gradients ------------------------------------------------------------------------------------
def test_gradient_norms_are_those_of_the_arrays(trainer, rng):
    x, y = rng.random((6, 2)), rng.integers(0, 2, 6)
    trainer.forward(x)
    trainer.compute_loss(y)
    trainer.backward()
    gradients = trainer.model.gradients()
    expected = np.sqrt(
        (gradients["dense_1.weight"] ** 2).sum() + (gradients["dense_1.bias"] ** 2).sum()
    )
    assert trainer.gradient_norms() == {"dense_1": pytest.approx(expected, rel=1e-6)}
    trainer.model.layers[0].trainable = False
    assert trainer.gradient_norms() == {}


def test_gradient_norms_are_logged_and_vanishing_ones_reported(tmp_path, caplog):
    model = cnnrs.Sequential(
        (2,), [layer for _ in range(12) for layer in (Dense(6), Sigmoid())] + [Dense(2)]
    )
    norms = GradientNorms(every=2)
    cnnrs.Trainer(model).fit(
        DATA, epochs=2, batch_size=2, callbacks=[norms, CSVLogger(tmp_path / "log.csv")]
    )
    with (tmp_path / "log.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(norms.epochs) == len(rows) == 2
    assert list(norms.epochs[0]) == [f"dense_{number}" for number in range(1, 14)]
    assert (
        float(rows[1]["gradient_norm/dense_1"])
        == norms.epochs[1]["dense_1"]
        < 1e-4 * norms.epochs[1]["dense_13"]
    )
    messages = [record.message for record in caplog.records if "vanishing" in record.message]
    assert len(messages) == 1
    assert "dense_1," in messages[0]
    assert "dense_13" in messages[0]


# --- TensorBoard ----------------------------------------------------------------------------------
def test_tensorboard_without_its_library_says_what_to_install(trainer, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"pip install 'cnnrs\[tensorboard\]'"):
        trainer.fit(DATA, callbacks=[TensorBoard(tmp_path)])
    assert trainer.step == 0


def test_tensorboard_gets_the_numbers(trainer, tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    board = TensorBoard(tmp_path / "run", every=2)
    history = trainer.fit(DATA, epochs=3, batch_size=2, validation=DATA, callbacks=[board])
    (file,) = (tmp_path / "run").iterdir()
    data, scalars = file.read_bytes(), {}
    while data:
        length = int.from_bytes(data[:8], "little")
        assert int.from_bytes(data[8:12], "little") == masked_crc32c(data[:8])
        for value in Event.FromString(data[12 : 12 + length]).summary.value:
            scalars.setdefault(value.tag, []).append(value.simple_value)
        data = data[16 + length :]
    assert scalars["loss/training"] == pytest.approx(history["loss"], rel=1e-6)
    assert scalars["loss/validation"] == pytest.approx(history["val_loss"], rel=1e-6)
    assert scalars["accuracy/validation"] == pytest.approx(history["val_accuracy"], rel=1e-6)
    assert len(scalars["learning_rate"]) == 3
    assert len(scalars["batch_loss"]) == 6
