"""A training step: by hand, in parts, with several losses, at any number of threads; and what it
never does to a model.
"""

import os
import signal
import threading
import time

import numpy as np
import pytest

import cnnrs
from cnnrs import ops
from cnnrs.callbacks import Callback
from cnnrs.errors import ArgumentError, NonFiniteError, ShapeError
from cnnrs.layers import Conv2D, Dense, Flatten, Input, ReLU, Softmax
from cnnrs.optimizers import SGD
from cnnrs.trainer import Trainer
from trainer.small import network


# --- steps ----------------------------------------------------------------------------------------
def test_one_step_by_hand():
    model = cnnrs.Sequential((2,), [Dense(1)], dtype="float64")
    layer = model.layers[0]
    layer.weight[...] = [[1.0], [2.0]]
    layer.bias[...] = 0.5
    trainer = Trainer(model, "half_sum_of_squares", optimizer=SGD(0.1), metrics=[])
    x, y = np.array([[1.0, 1.0], [2.0, 0.0]]), np.array([[3.0], [1.0]])
    # outputs 3.5 and 2.5, errors 0.5 and 1.5: loss (0.125 + 1.125) / 2
    assert trainer.train_step(x, y) == 0.625
    # dw = mean(error * x) = ((0.5, 0.5) + (3, 0)) / 2, db = 1
    np.testing.assert_allclose(layer.weight.ravel(), [1 - 0.1 * 1.75, 2 - 0.1 * 0.25], rtol=1e-15)
    np.testing.assert_allclose(layer.bias, [0.4], rtol=1e-15)


def test_the_four_parts_are_the_step_bit_for_bit(data):
    x, y = data
    whole, parts = (
        Trainer(network(), optimizer=SGD(0.1, 0.9), seed=3),
        Trainer(network(), optimizer=SGD(0.1, 0.9), seed=3),
    )
    for start in (0, 20, 40):
        xb, yb = x[start : start + 20], y[start : start + 20]
        first = whole.train_step(xb, yb)
        output = parts.forward(xb)
        assert output.shape == (20, 3)
        assert parts.compute_loss(yb) == first
        parts.backward()
        parts.update()
        assert np.array_equal(whole.model.runtime.arena.values, parts.model.runtime.arena.values)
    assert whole.step == parts.step == 3


def test_parts_out_of_order_are_refused(data):
    x, y = data
    trainer = Trainer(network())
    for part in (lambda: trainer.compute_loss(y), trainer.backward, trainer.update):
        with pytest.raises(ArgumentError, match="first"):
            part()
    trainer.forward(x)
    with pytest.raises(ArgumentError, match="loss first"):
        trainer.backward()


def test_the_gradient_of_a_batch_is_the_mean_of_those_of_its_samples(data):
    x, y = data
    model = cnnrs.Sequential(
        (6, 6, 1), [Conv2D(3, 3), ReLU(), Flatten(), Dense(3)], dtype="float64"
    )
    trainer = Trainer(model, optimizer=SGD(0.0))
    trainer.train_step(x[:9], y[:9])
    batch = model.runtime.arena.gradients.copy()
    single = np.zeros_like(batch)
    for index in range(9):
        trainer.train_step(x[index : index + 1], y[index : index + 1])
        single += model.runtime.arena.gradients / 9
    np.testing.assert_allclose(batch, single, rtol=1e-9, atol=1e-12)


def test_labels_and_one_hot_rows_train_alike(data):
    x, y = data
    first, second = Trainer(network(), optimizer=SGD(0.1)), Trainer(network(), optimizer=SGD(0.1))
    assert first.train_step(x, y) == second.train_step(x, np.eye(3)[y].astype(np.float32))
    np.testing.assert_allclose(
        first.model.runtime.arena.values, second.model.runtime.arena.values, rtol=1e-5, atol=1e-7
    )


def test_a_label_out_of_range_is_named_with_its_index_and_changes_nothing(data):
    x, y = data
    trainer = Trainer(network())
    before = trainer.model.runtime.arena.values.copy()
    y = y.copy()
    y[7] = 3
    with pytest.raises(ArgumentError, match=r"3 at index 7"):
        trainer.train_step(x, y)
    assert np.array_equal(trainer.model.runtime.arena.values, before)
    trainer.train_step(x, data[1])


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_the_same_weights_at_any_number_of_threads(data, threads, thread_count):
    def weights(count):
        ops.set_num_threads(count)
        trainer = Trainer(network(seed=2), optimizer=SGD(0.1, 0.9), seed=5)
        trainer.fit(data, epochs=3, batch_size=16)
        return trainer.model.runtime.arena.values.copy(), trainer.history["loss"]

    truth, losses = weights(1)
    again, same_losses = weights(threads)
    assert np.array_equal(truth, again)
    assert losses == same_losses


def test_seeds_matter(data):
    def weights(seed):
        trainer = Trainer(network(), optimizer=SGD(0.1), seed=seed)
        trainer.fit(data, epochs=1, batch_size=16)
        return trainer.model.runtime.arena.values

    assert np.array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def test_a_model_that_ends_in_softmax_is_trained_on_its_logits(data):
    x, y = data
    plain = cnnrs.Sequential((6, 6, 1), [Flatten(), Dense(3)])
    soft = cnnrs.Sequential((6, 6, 1), [Flatten(), Dense(3), Softmax()])
    first, second = Trainer(plain, optimizer=SGD(0.1)), Trainer(soft, optimizer=SGD(0.1))
    assert first.train_step(x, y) == second.train_step(x, y)
    assert np.array_equal(plain.runtime.arena.values, soft.runtime.arena.values)
    assert second.evaluate(data)["loss"] == pytest.approx(first.evaluate(data)["loss"], rel=1e-6)


def test_several_outputs_have_several_losses(rng):
    x = Input((4,))
    hidden = Dense(5, activation="relu")(x)
    model = cnnrs.Model(
        x, [Dense(3, name="class")(hidden), Dense(2, name="box")(hidden)], dtype="float64"
    )
    trainer = Trainer(model, ["cross_entropy", "mse"], optimizer=SGD(0.05), loss_weights=[1, 0.5])
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
            np.testing.assert_allclose(
                value,
                without[name] - 0.1 * (gradient[name] + decay * without[name]),
                rtol=1e-5,
                atol=1e-6,
            )


# --- divergence -----------------------------------------------------------------------------------
def test_divergence_stops_with_epoch_and_step_and_whole_parameters(data):
    trainer = Trainer(network(), optimizer=SGD(1e25))
    snapshots = []

    class Keep(Callback):
        def on_step_end(self, trainer, loss):
            snapshots.append(trainer.model.runtime.arena.values.copy())

    with (
        pytest.raises(NonFiniteError, match=r"epoch 1, step \d+.*learning rate below 1e\+25"),
        np.errstate(all="ignore"),
    ):
        trainer.fit(data, epochs=3, batch_size=20, callbacks=[Keep()])
    assert np.array_equal(trainer.model.runtime.arena.values, snapshots[-1])
    assert np.isfinite(trainer.model.runtime.arena.values).all()


def test_a_bad_image_stops_the_training_before_the_update(data):
    x, y = data
    x = x.copy()
    x[30] = np.nan
    trainer = Trainer(network(), optimizer=SGD(0.1))
    with pytest.raises(NonFiniteError, match="epoch 1, step 4"):
        trainer.fit((x, y), batch_size=10, shuffle=False)
    assert trainer.step == 3
    assert np.isfinite(trainer.model.runtime.arena.values).all()


def test_the_place_of_what_is_not_finite_is_named(data, rng):
    x, y = data
    bad = x.copy()
    bad[7, 0, 0] = np.inf
    with pytest.raises(
        NonFiniteError, match="the input holds a number that is not finite, in sample 7"
    ):
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
    before = model.runtime.arena.values.copy()
    with pytest.raises(
        NonFiniteError, match=r"gradient.*dense_1\.(weight|bias) is the first on the way back"
    ):
        trainer.train_step(rng.random((2, 3)), [0, 1])
    assert np.array_equal(model.runtime.arena.values, before)


# --- Ctrl-C ---------------------------------------------------------------------------------------
def test_ctrl_c_leaves_a_whole_model(data):
    """The weights after Ctrl-C are those after some whole number of steps."""
    reference, states = Trainer(network(), optimizer=SGD(0.05, 0.9, weight_decay=0.01), seed=1), []

    class Keep(Callback):
        def on_step_end(self, trainer, loss):
            states.append(trainer.model.runtime.arena.values.copy())

    reference.fit(data, epochs=400, batch_size=20, callbacks=[Keep()])
    trainer = Trainer(network(), optimizer=SGD(0.05, 0.9, weight_decay=0.01), seed=1)
    trainer.forward(data[0][:2])  # all that is made at first use is made
    timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(data, epochs=10**6, batch_size=20)
    assert trainer.step > 0
    if trainer.step <= len(states):
        assert np.array_equal(trainer.model.runtime.arena.values, states[trainer.step - 1])
    trainer.train_step(data[0], data[1])


def test_a_signal_during_the_update_waits():
    from cnnrs.trainer.update.interrupts import uninterrupted

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
