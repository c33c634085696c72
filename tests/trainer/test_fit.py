"""Epochs: data of every kind, history, freezing between calls, what is shown."""

import numpy as np
import pytest

import cnnrs
from cnnrs import ops
from cnnrs.callbacks import Callback
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.layers import Dense, Flatten, ReLU
from cnnrs.optimizers import SGD
from cnnrs.trainer import Trainer
from trainer.small import network


# --- epochs ---------------------------------------------------------------------------------------
class Watch(Callback):
    def __init__(self):
        self.events = []

    def on_fit_start(self, trainer):
        self.events.append("fit start")

    def on_epoch_start(self, trainer):
        self.events.append("epoch start")

    def on_step_end(self, trainer, loss):
        self.events.append("step")

    def on_epoch_end(self, trainer, numbers):
        self.events.append("epoch end")

    def on_fit_end(self, trainer):
        self.events.append("fit end")


def test_every_sample_once_an_epoch_and_a_last_short_batch():
    seen, sizes = [], []
    model = cnnrs.Sequential((1,), [Dense(2)])

    class Batches(Trainer):
        def _forward(self, x):
            seen.extend(x.ravel().astype(int).tolist())
            sizes.append(len(x))
            super()._forward(x)

    trainer = Batches(model, optimizer=SGD(0.0))
    trainer.fit((np.arange(1000.0)[:, None], np.zeros(1000, int)), epochs=2, batch_size=128)
    assert sizes == [128] * 7 + [104] + [128] * 7 + [104]
    assert sorted(seen[:1000]) == sorted(seen[1000:]) == list(range(1000))
    assert seen[:1000] != seen[1000:], "each epoch has its own order"
    assert seen[:1000] != list(range(1000))
    seen.clear()
    trainer.fit((np.arange(10.0)[:, None], np.zeros(10, int)), shuffle=False)
    assert seen == list(range(10))


def test_it_learns_and_keeps_a_history(data):
    trainer = Trainer(network(), optimizer=SGD(0.1, 0.9))
    watch = Watch()
    history = trainer.fit(data, epochs=12, batch_size=20, validation=data, callbacks=[watch])
    assert trainer.evaluate(data, leak="ignore")["accuracy"] == 1
    assert all(len(values) == 12 for values in history.values())
    assert {
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "learning_rate",
        "seconds",
        "images_per_second",
    } == set(history)
    assert history["loss"][-1] < 0.2 < history["loss"][0]
    assert watch.events == [
        "fit start",
        *(["epoch start", *["step"] * 3, "epoch end"] * 12),
        "fit end",
    ]
    more = trainer.fit(data, epochs=1)
    assert more is history
    assert len(history["loss"]) == trainer.epoch == 13
    assert "accuracy" in history.report()


def test_the_mean_loss_weighs_every_sample_alike(data):
    x, y = data
    model = cnnrs.Sequential((6, 6, 1), [Flatten(), Dense(3)], dtype="float64")
    history = Trainer(model, optimizer=SGD(0.0)).fit((x, y), batch_size=17)
    result = Trainer(model).evaluate((x, y), batch_size=23)
    assert history["loss"][0] == pytest.approx(ops.cross_entropy(model(x), y), rel=1e-12)
    assert result["loss"] == pytest.approx(history["loss"][0], rel=1e-12)
    assert result["accuracy"] == np.mean(model.predict(x) == y)
    assert result["n"] == 60
    low, high = result["accuracy_interval"]
    assert 0 <= low < result["accuracy"] < high <= 1


def test_data_of_every_kind_trains_alike(data):
    x, y = data

    class Rows:
        def __len__(self):
            return len(x)

        def __getitem__(self, index):
            return x[index], int(y[index])

    def batches():
        for start in range(0, 60, 16):
            yield x[start : start + 16], y[start : start + 16]

    def weights(source, **options):
        trainer = Trainer(network(), optimizer=SGD(0.1))
        trainer.fit(source, batch_size=16, **options)
        return trainer.model.runtime.arena.values

    truth = weights((x, y), shuffle=False)
    for source in (
        Rows(),
        cnnrs.data.from_arrays(x, y),
        cnnrs.data.Loader((x, y), 16),
        batches(),
        list(batches()),
    ):
        assert np.array_equal(weights(source, shuffle=False), truth), type(source)
    assert np.array_equal(weights(Rows()), weights((x, y))), "the same order when shuffled, too"


@pytest.mark.parametrize(
    ("source", "error", "word"),
    [
        (np.zeros((5, 6, 6, 1)), DTypeError, "data"),
        ("mnist", DTypeError, "data"),
        (3, DTypeError, "data"),
        ((np.zeros((5, 6, 6, 1)), np.zeros(4, int)), ShapeError, "5"),
        ((np.zeros((0, 6, 6, 1)), np.zeros(0, int)), ShapeError, "at least one sample"),
        (iter([]), ShapeError, "samples to train on, got none"),
        ([np.zeros(3), np.zeros(3), np.zeros(3)], ShapeError, "pair"),
        ((np.zeros((5, 7, 6, 1)), np.zeros(5, int)), ShapeError, "x"),
        ((np.zeros((5, 6, 6, 1)), np.zeros(5)), DTypeError, "labels"),
    ],
)
def test_what_is_no_training_data_is_refused(source, error, word):
    with pytest.raises(error, match=word):
        Trainer(network()).fit(source)


def test_an_iterator_gives_one_epoch(data):
    with pytest.raises(ArgumentError, match="only once"):
        Trainer(network()).fit(iter([data]), epochs=2)


def test_bad_arguments():
    model = network()
    for error, word, make in (
        (DTypeError, "model", lambda: Trainer("model")),
        (ArgumentError, "loss", lambda: Trainer(model, "entropy")),
        (ArgumentError, "optimizer", lambda: Trainer(model, optimizer="adamant")),
        (DTypeError, "SGD", lambda: Trainer(model, optimizer=SGD)),
        (ArgumentError, "metrics", lambda: Trainer(model, metrics=["acuracy"])),
        (ArgumentError, "seed", lambda: Trainer(model, seed=-1)),
        (ArgumentError, "epochs", lambda: Trainer(model).fit(([[0]], [0]), epochs=-1)),
        (
            ArgumentError,
            "batch_size",
            lambda: Trainer(model).fit((np.zeros((2, 6, 6, 1)), [0, 1]), batch_size=0),
        ),
        (
            ArgumentError,
            "leak",
            lambda: Trainer(model).evaluate((np.zeros((2, 6, 6, 1)), [0, 1]), leak="yes"),
        ),
    ):
        with pytest.raises(error, match=word):
            make()


# --- freezing -------------------------------------------------------------------------------------
def test_layers_frozen_and_thawed_between_calls_of_fit(data):
    model = network()
    first, last = model.layer("conv2d_1"), model.layer("dense_1")
    trainer = Trainer(model, optimizer=SGD(0.1, 0.9, weight_decay=0.01))

    def changed():
        before = first.weight.copy(), last.weight.copy()
        trainer.fit(data, batch_size=20)
        return not np.array_equal(first.weight, before[0]), not np.array_equal(
            last.weight, before[1]
        )

    assert changed() == (True, True)
    first.trainable = False
    assert changed() == (False, True)
    first.trainable, last.trainable = True, False
    assert changed() == (True, False)
    last.trainable = True
    assert changed() == (True, True)


def test_freezing_leaves_nothing_of_earlier_plans_behind(data):
    """Frozen for one epoch and thawed for the next: the same bits as with a new model and trainer
    for each stage.
    """

    def run(anew):
        trainer = Trainer(network(), optimizer=SGD(0.1), seed=2)
        for frozen in (False, True, False):
            if anew:
                before = trainer
                trainer = Trainer(network(seed=9), optimizer=SGD(0.1), seed=2)
                trainer.model.load_state_dict(before.model.state_dict())
                trainer.epoch, trainer.step = before.epoch, before.step
            trainer.model.layer("conv2d_1").trainable = not frozen
            trainer.fit(data, batch_size=20)
        return trainer.model.runtime.arena.values

    assert np.array_equal(run(False), run(True))


# --- what is shown --------------------------------------------------------------------------------
def test_nothing_is_shown_where_nobody_watches(data, capsys):
    Trainer(network()).fit(data, epochs=2)
    assert capsys.readouterr() == ("", "")


def test_the_bar_shows_loss_accuracy_speed_and_time(data, capsys):
    Trainer(network()).fit(data, epochs=2, batch_size=20, validation=data, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    for piece in (
        "epoch 1/2",
        "epoch 2/2",
        "60/60",
        "loss",
        "accuracy",
        "val_loss",
        "images/s",
        "<",
    ):
        assert piece in shown.err, piece


def test_over_fitting_is_reported(caplog, rng):
    x, y = rng.random((40, 6, 6, 1)).astype(np.float32), rng.integers(0, 3, 40)
    unseen = rng.random((40, 6, 6, 1)).astype(np.float32), rng.integers(0, 3, 40)
    model = cnnrs.Sequential((6, 6, 1), [Flatten(), Dense(64), ReLU(), Dense(3)])
    trainer = Trainer(model, optimizer=SGD(0.1, 0.9))
    history = trainer.fit((x, y), epochs=60, batch_size=10, validation=unseen)
    assert history["accuracy"][-1] == 1
    assert history.gap > 0.3
    assert "over-fitting: 100.00 % on the training images" in history.report()
    low, high = history.interval("val_accuracy")
    assert low < history["val_accuracy"][-1] < high
    assert f"95 % interval {100 * low:.2f} to {100 * high:.2f} %, 40 samples" in history.report()
    assert sum("over-fitting" in record.message for record in caplog.records) == 1
