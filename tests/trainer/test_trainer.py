"""The trainer: steps by hand and in parts, epochs, data of every kind, divergence, Ctrl-C, leaks."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import cnnrs
from cnnrs import ops
from cnnrs.callbacks import Callback
from cnnrs.errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from cnnrs.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPool2D, ReLU, Softmax
from cnnrs.optimizers import SGD
from cnnrs.trainer import LeakWarning, Trainer


def network(seed=0, **options):
    layers = [Conv2D(4, 3, padding="same"), ReLU(), MaxPool2D(2), Dropout(0.2), Flatten(), Dense(3)]
    return cnnrs.Sequential((6, 6, 1), layers, seed=seed, **options)


@pytest.fixture
def data(rng):
    """Three kinds of images: bright above, bright below, bright to the left."""
    labels = np.arange(60) % 3
    x = rng.random((60, 6, 6, 1)).astype(np.float32) * 0.5
    x[labels == 0, :3] += 1
    x[labels == 1, 3:] += 1
    x[labels == 2, :, :3] += 1
    return x, labels


# --- steps ---------------------------------------------------------------------------------------------------------------------
def test_one_step_by_hand():
    model = cnnrs.Sequential((2,), [Dense(1)], dtype="float64")
    layer = model.layers[0]
    layer.weight[...] = [[1.0], [2.0]]
    layer.bias[...] = 0.5
    trainer = Trainer(model, "half_sum_of_squares", SGD(0.1), metrics=[])
    x, y = np.array([[1.0, 1.0], [2.0, 0.0]]), np.array([[3.0], [1.0]])
    # outputs 3.5 and 2.5, errors 0.5 and 1.5: loss (0.125 + 1.125) / 2
    assert trainer.train_step(x, y) == 0.625
    # dw = mean(error * x) = ((0.5, 0.5) + (3, 0)) / 2, db = 1
    np.testing.assert_allclose(layer.weight.ravel(), [1 - 0.1 * 1.75, 2 - 0.1 * 0.25], rtol=1e-15)
    np.testing.assert_allclose(layer.bias, [0.4], rtol=1e-15)


def test_the_four_parts_are_the_step_bit_for_bit(data):
    x, y = data
    whole, parts = Trainer(network(), optimizer=SGD(0.1, 0.9), seed=3), Trainer(network(), optimizer=SGD(0.1, 0.9), seed=3)
    for start in (0, 20, 40):
        xb, yb = x[start : start + 20], y[start : start + 20]
        first = whole.train_step(xb, yb)
        output = parts.forward(xb)
        assert output.shape == (20, 3)
        assert parts.loss(yb) == first
        parts.backward()
        parts.update()
        assert np.array_equal(whole.model.arena.values, parts.model.arena.values)
    assert whole.step == parts.step == 3


def test_parts_out_of_order_are_refused(data):
    x, y = data
    trainer = Trainer(network())
    for part in (lambda: trainer.loss(y), trainer.backward, trainer.update):
        with pytest.raises(ArgumentError, match="first"):
            part()
    trainer.forward(x)
    with pytest.raises(ArgumentError, match="loss first"):
        trainer.backward()


def test_the_gradient_of_a_batch_is_the_mean_of_those_of_its_samples(data):
    x, y = data
    model = cnnrs.Sequential((6, 6, 1), [Conv2D(3, 3), ReLU(), Flatten(), Dense(3)], dtype="float64")
    trainer = Trainer(model, optimizer=SGD(0.0))
    trainer.train_step(x[:9], y[:9])
    batch = model.arena.gradients.copy()
    single = np.zeros_like(batch)
    for index in range(9):
        trainer.train_step(x[index : index + 1], y[index : index + 1])
        single += model.arena.gradients / 9
    np.testing.assert_allclose(batch, single, rtol=1e-9, atol=1e-12)


def test_labels_and_one_hot_rows_train_alike(data):
    x, y = data
    first, second = Trainer(network(), optimizer=SGD(0.1)), Trainer(network(), optimizer=SGD(0.1))
    assert first.train_step(x, y) == second.train_step(x, np.eye(3)[y].astype(np.float32))
    np.testing.assert_allclose(first.model.arena.values, second.model.arena.values, rtol=1e-5, atol=1e-7)


def test_a_label_out_of_range_is_named_with_its_index_and_changes_nothing(data):
    x, y = data
    trainer = Trainer(network())
    before = trainer.model.arena.values.copy()
    y = y.copy()
    y[7] = 3
    with pytest.raises(ArgumentError, match=r"3 at index 7"):
        trainer.train_step(x, y)
    assert np.array_equal(trainer.model.arena.values, before)
    trainer.train_step(x, data[1])


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_the_same_weights_at_any_number_of_threads(data, threads, thread_count):
    def weights(count):
        ops.set_num_threads(count)
        trainer = Trainer(network(seed=2), optimizer=SGD(0.1, 0.9), seed=5)
        trainer.fit(data, epochs=3, batch_size=16)
        return trainer.model.arena.values.copy(), trainer.history["loss"]

    truth, losses = weights(1)
    again, same_losses = weights(threads)
    assert np.array_equal(truth, again)
    assert losses == same_losses


def test_seeds_matter(data):
    def weights(seed):
        trainer = Trainer(network(), optimizer=SGD(0.1), seed=seed)
        trainer.fit(data, epochs=1, batch_size=16)
        return trainer.model.arena.values

    assert np.array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_a_model_that_ends_in_softmax_is_trained_on_its_logits(data):
    x, y = data
    plain = cnnrs.Sequential((6, 6, 1), [Flatten(), Dense(3)])
    soft = cnnrs.Sequential((6, 6, 1), [Flatten(), Dense(3), Softmax()])
    first, second = Trainer(plain, optimizer=SGD(0.1)), Trainer(soft, optimizer=SGD(0.1))
    assert first.train_step(x, y) == second.train_step(x, y)
    assert np.array_equal(plain.arena.values, soft.arena.values)
    assert second.evaluate(data)["loss"] == pytest.approx(first.evaluate(data)["loss"], rel=1e-6)


def test_several_outputs_have_several_losses(rng):
    x = Input((4,))
    hidden = Dense(5, activation="relu")(x)
    model = cnnrs.Model(x, [Dense(3, name="class")(hidden), Dense(2, name="box")(hidden)], dtype="float64")
    trainer = Trainer(model, ["cross_entropy", "mse"], SGD(0.05), loss_weights=[1, 0.5])
    inputs, labels, boxes = rng.random((8, 4)), rng.integers(0, 3, 8), rng.random((8, 2))
    logits, guess = model(inputs)
    expected = ops.cross_entropy(logits, labels) + 0.5 * np.mean((guess - boxes) ** 2)
    assert trainer.train_step(inputs, [labels, boxes]) == pytest.approx(expected, rel=1e-12)
    history = trainer.fit((inputs, [labels, boxes]), epochs=200, batch_size=4)
    assert history["loss"][-1] < 0.6 * expected
    with pytest.raises(ShapeError, match="2 targets"):
        trainer.train_step(inputs, labels)
    with pytest.raises(ArgumentError, match="2 outputs"):
        Trainer(model)


def test_weight_decay_spares_biases_unless_asked(data):
    x, y = data
    for everywhere in (False, True):
        model = network()
        model.layer("conv2d_1").bias[...] = 1.0
        model.layer("dense_1").bias[...] = 1.0
        trainer = Trainer(model, optimizer=SGD(0.0, weight_decay=0.5, decay_biases=everywhere))
        trainer.train_step(x, y)
        assert (model.layer("conv2d_1").bias == 1).all(), "a rate of 0 changes nothing"
        without = {name: value.copy() for name, value in model.state_dict().items()}
        gradient = None
        trainer = Trainer(model, optimizer=SGD(0.1, weight_decay=0.5, decay_biases=everywhere))
        trainer.train_step(x, y)
        gradient = model.gradients()
        for name, value in model.parameters().items():
            decay = 0.5 if everywhere or "weight" in name else 0.0
            np.testing.assert_allclose(value, without[name] - 0.1 * (gradient[name] + decay * without[name]), rtol=1e-5, atol=1e-6)


# --- epochs --------------------------------------------------------------------------------------------------------------------
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
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds", "images_per_second"} == set(history)
    assert history["loss"][-1] < 0.2 < history["loss"][0]
    assert watch.events == ["fit start", *(["epoch start", *["step"] * 3, "epoch end"] * 12), "fit end"]
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
        return trainer.model.arena.values

    truth = weights((x, y), shuffle=False)
    for source in (Rows(), cnnrs.data.arrays(x, y), cnnrs.data.Loader((x, y), 16), batches(), list(batches())):
        assert np.array_equal(weights(source, shuffle=False), truth), type(source)
    assert np.array_equal(weights(Rows()), weights((x, y))), "the same order when shuffled, too"


@pytest.mark.parametrize(
    ("source", "error", "word"),
    [
        (np.zeros((5, 6, 6, 1)), DTypeError, "data"),
        ("mnist", DTypeError, "data"),
        (3, DTypeError, "data"),
        ((np.zeros((5, 6, 6, 1)), np.zeros(4, int)), ShapeError, "5"),
        ((np.zeros((0, 6, 6, 1)), np.zeros(0, int)), ShapeError, "samples"),
        (iter([]), ShapeError, "no samples"),
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
        (ShapeError, "epochs", lambda: Trainer(model).fit(([[0]], [0]), epochs=-1)),
        (ArgumentError, "batch_size", lambda: Trainer(model).fit((np.zeros((2, 6, 6, 1)), [0, 1]), batch_size=0)),
        (ArgumentError, "leak", lambda: Trainer(model).evaluate((np.zeros((2, 6, 6, 1)), [0, 1]), leak="yes")),
    ):
        with pytest.raises(error, match=word):
            make()


# --- divergence ------------------------------------------------------------------------------------------------------------------
def test_divergence_stops_with_epoch_and_step_and_whole_parameters(data):
    trainer = Trainer(network(), optimizer=SGD(1e25))
    snapshots = []

    class Keep(Callback):
        def on_step_end(self, trainer, loss):
            snapshots.append(trainer.model.arena.values.copy())

    with pytest.raises(NonFiniteError, match=r"epoch 1, step \d+.*learning rate below 1e\+25"), np.errstate(all="ignore"):
        trainer.fit(data, epochs=3, batch_size=20, callbacks=[Keep()])
    assert np.array_equal(trainer.model.arena.values, snapshots[-1])
    assert np.isfinite(trainer.model.arena.values).all()


def test_a_bad_image_stops_the_training_before_the_update(data):
    x, y = data
    x = x.copy()
    x[30] = np.nan
    trainer = Trainer(network(), optimizer=SGD(0.1))
    with pytest.raises(NonFiniteError, match="epoch 1, step 4"):
        trainer.fit((x, y), batch_size=10, shuffle=False)
    assert trainer.step == 3
    assert np.isfinite(trainer.model.arena.values).all()


def test_the_place_of_what_is_not_finite_is_named(data, rng):
    x, y = data
    bad = x.copy()
    bad[7, 0, 0] = np.inf
    with pytest.raises(NonFiniteError, match="the input holds a number that is not finite, in sample 7"):
        Trainer(network()).train_step(bad, y)
    model = network()
    model.layer("dense_1").bias[1] = np.nan
    with pytest.raises(NonFiniteError, match=r"parameter dense_1\.bias"):
        Trainer(model).train_step(x, y)


def test_a_gradient_that_is_not_finite_is_caught_though_the_loss_is(rng):
    class Steep(cnnrs.layers.Layer):
        def build(self, input_shape):
            return input_shape

        def forward(self, ctx, x):
            return x

        def backward(self, ctx, grad_y):
            return grad_y * np.inf

    model = cnnrs.Sequential((3,), [Dense(2), Steep()])
    trainer = Trainer(model)
    before = model.arena.values.copy()
    with pytest.raises(NonFiniteError, match=r"gradient.*dense_1\.(weight|bias) is the first on the way back"):
        trainer.train_step(rng.random((2, 3)), [0, 1])
    assert np.array_equal(model.arena.values, before)


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------------------
def test_ctrl_c_leaves_a_whole_model(data):
    """The weights after Ctrl-C are those after some whole number of steps."""
    reference, states = Trainer(network(), optimizer=SGD(0.05, 0.9, weight_decay=0.01), seed=1), []

    class Keep(Callback):
        def on_step_end(self, trainer, loss):
            states.append(trainer.model.arena.values.copy())

    reference.fit(data, epochs=400, batch_size=20, callbacks=[Keep()])
    trainer = Trainer(network(), optimizer=SGD(0.05, 0.9, weight_decay=0.01), seed=1)
    trainer.forward(data[0][:2])  # all that is made at first use is made
    timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(data, epochs=10**6, batch_size=20)
    assert trainer.step > 0
    if trainer.step <= len(states):
        assert np.array_equal(trainer.model.arena.values, states[trainer.step - 1])
    trainer.train_step(data[0], data[1])


def test_a_signal_during_the_update_waits():
    from cnnrs.trainer.interrupts import uninterrupted

    done = []

    def update():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.01)
            done.append("update")
        done.append("not reached")

    with pytest.raises(KeyboardInterrupt):
        update()
    assert done == ["update"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# --- leaks -----------------------------------------------------------------------------------------------------------------------
def test_testing_on_training_images_is_noticed(data, rng):
    x, y = data
    trainer = Trainer(network(), optimizer=SGD(0.1))
    trainer.fit((x[:40], y[:40]), batch_size=16)
    trainer.evaluate((x[40:], y[40:]))
    with pytest.warns(LeakWarning, match="5 of these 25 images"):
        trainer.evaluate((x[35:], y[35:]))
    with pytest.raises(ArgumentError, match="all of these"):
        trainer.evaluate((x[:40].astype(np.float64), y[:40]), leak="refuse")
    trainer.evaluate((x[:40], y[:40]), leak="ignore")


def test_uint8_and_float_images_are_recognised_as_the_same(rng):
    x = rng.integers(0, 256, (10, 6, 6, 1)).astype(np.uint8)
    trainer = Trainer(network())
    trainer.fit((x, np.zeros(10, int)))
    with pytest.warns(LeakWarning):
        trainer.evaluate((x.astype(np.float32), np.zeros(10, int)))


def test_the_guard_knows_images_before_their_augmentation(data, rng):
    x, y = data
    loader = cnnrs.data.Loader((x[:40], y[:40]), 16, shuffle=True, transform=lambda x, *, labels, **key: (x + rng.random(x.shape), labels))
    trainer = Trainer(network(), optimizer=SGD(0.1))
    trainer.fit(loader)
    trainer.evaluate((x[40:], y[40:]))
    with pytest.warns(LeakWarning, match="10 of these 30"):
        trainer.evaluate((x[30:], y[30:]))
    with pytest.warns(LeakWarning, match="all"):
        trainer.evaluate(loader)


def test_the_guard_works_with_data_sets_and_iterables(data):
    x, y = data
    for source in (cnnrs.data.arrays(x[:40], y[:40]), [(x[:20], y[:20]), (x[20:40], y[20:40])]):
        trainer = Trainer(network(), optimizer=SGD(0.1))
        trainer.fit(source)
        with pytest.warns(LeakWarning, match="10 of these 30"):
            trainer.evaluate(cnnrs.data.arrays(x[30:], y[30:]))
        trainer.evaluate([(x[40:50], y[40:50]), (x[50:], y[50:])], leak="refuse")


def test_the_guard_looks_at_all_inputs(rng):
    a, b = Input((3,)), Input((2,))
    model = cnnrs.Model([a, b], Dense(2)(cnnrs.layers.Concat()([a, b])))
    left, right, y = rng.random((8, 3)), rng.random((8, 2)), np.arange(8) % 2
    trainer = Trainer(model)
    trainer.fit(([left, right], y))
    with pytest.warns(LeakWarning, match="all"):
        trainer.evaluate(([left, right], y))
    trainer.evaluate(([left, right + 1], y), leak="refuse")
    trainer.evaluate(([left + 1, right], y), leak="refuse")


def test_the_guard_tells_images_apart_that_differ_a_little(rng):
    from cnnrs.trainer.leak_guard import LeakGuard

    guard = LeakGuard()
    photos = rng.integers(0, 256, (4, 224, 224, 3)).astype(np.uint8)
    guard.remember(photos)
    assert guard.count(photos.astype(np.float64)) == 4
    assert guard.count(photos[:, ::-1]) == guard.count(photos[:, :, ::-1]) == 0
    noisy = np.clip(photos.astype(int) + rng.integers(-1, 2, photos.shape), 0, 255)
    assert guard.count(noisy) == 0
    again = LeakGuard()
    again.load_state_dict(guard.state_dict())
    assert again.count(photos) == 4


def test_validation_on_training_images_is_logged(data, caplog):
    x, y = data
    Trainer(network()).fit((x[:40], y[:40]), epochs=2, validation=(x[30:], y[30:]))
    assert sum("10 of these 30 images were trained on" in record.message for record in caplog.records) == 1


# --- freezing -------------------------------------------------------------------------------------------------------------------
def test_layers_frozen_and_thawed_between_calls_of_fit(data):
    model = network()
    first, last = model.layer("conv2d_1"), model.layer("dense_1")
    trainer = Trainer(model, optimizer=SGD(0.1, 0.9, weight_decay=0.01))

    def changed():
        before = first.weight.copy(), last.weight.copy()
        trainer.fit(data, batch_size=20)
        return not np.array_equal(first.weight, before[0]), not np.array_equal(last.weight, before[1])

    assert changed() == (True, True)
    first.trainable = False
    assert changed() == (False, True)
    first.trainable, last.trainable = True, False
    assert changed() == (True, False)
    last.trainable = True
    assert changed() == (True, True)


def test_freezing_leaves_nothing_of_earlier_plans_behind(data):
    """Frozen for one epoch and thawed for the next: the same bits as with a new model and trainer for each stage."""

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
        return trainer.model.arena.values

    assert np.array_equal(run(False), run(True))


# --- what is shown ------------------------------------------------------------------------------------------------------------------
def test_nothing_is_shown_where_nobody_watches(data, capsys):
    Trainer(network()).fit(data, epochs=2)
    assert capsys.readouterr() == ("", "")


def test_the_bar_shows_loss_accuracy_speed_and_time(data, capsys):
    Trainer(network()).fit(data, epochs=2, batch_size=20, validation=data, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    for piece in ("epoch 1/2", "epoch 2/2", "60/60", "loss", "accuracy", "val_loss", "images/s", "<"):
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
