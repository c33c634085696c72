"""Check what the article says about training, each statement as a small experiment.

The full experiments are under examples/. S50 (relu_against_tanh.py), S59 (dropout_mnist.py) and
S73 (augmentation_pays.py) take minutes and are only there.
"""

import math

import numpy as np
import pytest

import cnnrs
from cnnrs import datasets, zoo
from cnnrs.errors import NonFiniteError
from cnnrs.layers import Add, BatchNorm, Conv2D, Dense, Flatten, Normalize, ReLU, Rescale, Sigmoid
from cnnrs.optimizers import SGD
from cnnrs.schedules import Cosine

DIGITS = datasets.load_digits()


@pytest.fixture(scope="module")
def mnist(data_dir):
    return datasets.load_mnist(data_dir)


def perceptron(*hidden, shape=(28, 28, 1), seed=0):
    return cnnrs.Sequential(shape, [Rescale(1 / 255), Flatten(), *hidden, Dense(10)], seed=seed)


def deep(
    depth, activation, initializer="glorot_uniform", normalise=False, residual=False, units=64
):
    """Return a model of dense layers for the digits, named ``layer_1`` to ``layer_{depth}``."""
    inputs = cnnrs.Input((8, 8, 1))
    x = Flatten()(Normalize([77.9], [95.8])(inputs))
    for number in range(1, depth + 1):
        y = Dense(units, weight_initializer=initializer, name=f"layer_{number}")(x)
        y = activation()(BatchNorm()(y) if normalise else y)
        x = Add()([x, y]) if residual else y
    return cnnrs.Model(inputs, Dense(10)(x))


@pytest.mark.slow
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_loss_over_the_learning_rate_is_a_valley(mnist, momentum):  # S33
    losses = []
    for rate in (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0):
        trainer = cnnrs.Trainer(
            perceptron(Dense(64), ReLU(), Dense(64), ReLU()), optimizer=SGD(rate, momentum)
        )
        try:
            trainer.fit((mnist.x_train[:2000], mnist.y_train[:2000]), epochs=5, batch_size=50)
            losses.append(trainer.evaluate((mnist.x_test[:1000], mnist.y_test[:1000]))["loss"])
        except NonFiniteError:
            losses.append(math.inf)
    best = int(np.argmin(losses))
    assert 0 < best < 5
    assert losses[0] > losses[1] > losses[best] < losses[-1], losses
    assert losses[-1] > math.log(10), "a rate of 10 is worse than a guess"
    assert losses[best] < 0.6


@pytest.mark.slow
def test_more_training_images_fewer_errors(mnist):  # S37
    errors = []
    for images, epochs in ((600, 40), (6000, 10), (60_000, 3)):
        model = zoo.create("lenet5", preprocessing=Rescale(1 / 255))
        trainer = cnnrs.Trainer(model, optimizer=SGD(Cosine(0.05), momentum=0.9))
        trainer.fit((mnist.x_train[:images], mnist.y_train[:images]), epochs=epochs)
        errors.append(1 - trainer.evaluate(mnist.test)["accuracy"])
    assert errors[0] > 1.5 * errors[1] > 1.5**2 * errors[2], errors
    assert errors[2] < 0.015


@pytest.mark.parametrize(
    ("options", "low", "high"),
    [
        ({"activation": Sigmoid}, 0, 1e-4),
        ({"activation": ReLU, "initializer": "he_normal"}, 0.05, 20),
        ({"activation": Sigmoid, "normalise": True}, 0.05, 20),
        ({"activation": ReLU, "normalise": True, "residual": True}, 0.05, 20),
    ],
    ids=["sigmoid", "ReLU and He", "batch-norm", "residual"],
)
def test_vanishing_gradients_and_what_keeps_them(options, low, high):  # S51, D3
    trainer = cnnrs.Trainer(deep(20, **options))
    trainer.forward(DIGITS.x_train[:256])
    trainer.compute_loss(DIGITS.y_train[:256])
    trainer.backward()
    norms = trainer.gradient_norms()
    assert low < norms["layer_1"] / norms["layer_20"] < high


@pytest.mark.slow
def test_thirty_rectified_layers_keep_their_activations_with_he_and_lose_them_with_glorot(
    rng,
):  # D5
    x = rng.standard_normal((256, 512)).astype(np.float32)

    def deviations(initializer):
        model = cnnrs.Sequential(
            (512,),
            [
                layer
                for _ in range(30)
                for layer in (Dense(512, weight_initializer=initializer), ReLU())
            ],
        )
        return [
            value.std() for name, value in model.activations(x).items() if name.startswith("relu")
        ]

    he, glorot = deviations("he_normal"), deviations("glorot_normal")
    assert len(he) == 30
    assert all(0.5 < deviation < 2 for deviation in he), he
    assert glorot[-1] < 1e-4, "half of the variance is lost in each of them"


@pytest.mark.slow
def test_batch_normalisation_is_ahead_at_every_checkpoint(mnist):  # D2
    """Train the network of the paper for the first 3,000 of its 50,000 steps."""
    trainers = []
    for normalise in (False, True):
        hidden = [
            layer
            for _ in range(3)
            for layer in (Dense(100), *([BatchNorm()] if normalise else []), Sigmoid())
        ]
        trainers.append(cnnrs.Trainer(perceptron(*hidden), optimizer=SGD(0.1)))
    loader = cnnrs.data.Loader(mnist.train, 60, shuffle=True)
    for step, (x, y) in enumerate([*loader, *loader, *loader], 1):
        for trainer in trainers:
            trainer.train_step(x, y)
        if step % 500 == 0:
            plain, normalised = (
                trainer.evaluate(mnist.test, leak="ignore")["accuracy"] for trainer in trainers
            )
            assert normalised > plain, step


def test_folded_batch_normalisation_predicts_what_it_did_unfolded(rng):  # D2
    model = cnnrs.Sequential(
        (8, 8, 1), [Rescale(1 / 255), Conv2D(8, 3), BatchNorm(), ReLU(), Flatten(), Dense(10)]
    )
    cnnrs.Trainer(model, optimizer=SGD(0.05, 0.9)).fit(DIGITS.train, epochs=2)
    x = DIGITS.x_test[:50]
    conv, norm, head = (model.layer(name) for name in ("conv2d_1", "batch_norm_1", "dense_1"))
    y = cnnrs.ops.conv2d(
        x / 255,
        conv.weight.astype(np.float64),
        None if conv.bias is None else conv.bias.astype(np.float64),
    )
    y = (y - norm.running_mean) / np.sqrt(norm.running_var + norm.epsilon) * norm.weight + norm.bias
    expected = np.maximum(y, 0).reshape(50, -1) @ head.weight + head.bias
    np.testing.assert_allclose(model(x), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
