"""Weights made ready for prediction: batch normalisation folded in, filters transformed once, and
every edit seen.
"""

import threading

import numpy as np
import pytest

import cnnrs
from cnnrs import ops
from cnnrs.layers import (
    BatchNorm,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Flatten,
    Layer,
    ReLU,
    SeparableConv2D,
)
from cnnrs.layers.geometry import MOST_POSITIONS
from cnnrs.model import fusion


class Affine(Layer):
    """A normalisation that is nothing but its two numbers for each channel."""

    def build(self, input_shape):
        self.add_parameter("gamma", input_shape[-1:], "ones")
        self.add_parameter("beta", input_shape[-1:])
        self.add_parameter("running_mean", input_shape[-1:], trainable=False)
        self.add_parameter("running_var", input_shape[-1:], "ones", trainable=False)
        return input_shape

    def scale_and_shift(self, read):
        gamma, beta, mean, variance = (read(name).astype(np.float64) for name in self.parameters)
        scale = gamma / np.sqrt(variance + 1e-5)
        return scale, beta - mean * scale

    def forward(self, ctx, x):
        scale, shift = self.scale_and_shift(ctx.parameter)
        return x * scale + shift


def affine_into_weights(first, second, facts):
    return fusion.fold(first, second, facts) if type(second) is Affine else None


@pytest.fixture(autouse=True)
def _rule(monkeypatch):
    monkeypatch.setattr(fusion, "RULES", [*fusion.RULES, affine_into_weights])


def network(seed=0, dtype="float32"):
    layers = [
        Conv2D(8, 3, padding="same"),
        Affine(),
        ReLU(),
        Conv2D(8, 3, use_bias=False),
        Affine(),
        Flatten(),
        Dense(6),
        Affine(),
        ReLU(),
    ]
    return cnnrs.Sequential((8, 8, 3), layers, seed=seed, dtype=dtype)


def randomise(model, rng):
    state = model.state_dict()
    for name in state:
        state[name] = (
            rng.random(state[name].shape) + 0.5
            if "var" in name
            else rng.standard_normal(state[name].shape)
        )
    model.load_state_dict(state)


def layer_by_layer(model, x):
    """The truth: one layer after the other, each in a model of its own."""
    state = model.state_dict()
    for layer in model.layers:
        alone = cnnrs.Sequential(
            x.shape[1:], [type(layer)(**{**layer.config(), "name": "it"})], dtype=model.dtype
        )
        label = model.graph.names[layer]
        alone.load_state_dict(
            {
                "it." + name.rpartition(".")[2]: value
                for name, value in state.items()
                if name.startswith(label + ".")
            }
        )
        x = alone(x)
    return x


@pytest.mark.parametrize(
    "layer",
    [
        Conv2D(6, 3, padding="same"),
        Conv2D(6, 3, use_bias=False, stride=2),
        Conv2D(6, 1, groups=2),
        DepthwiseConv2D(3, depth_multiplier=2),
        SeparableConv2D(5, 3),
        Conv2DTranspose(6, 3, stride=2),
        Conv2DTranspose(6, 2, groups=2, use_bias=False),
    ],
    ids=repr,
)
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-4)])
def test_batch_normalisation_folds_into_every_kind_of_convolution(
    layer, affine, dtype, tolerance, rng
):
    def made(dtype):
        again = type(layer)(**layer.config())
        model = cnnrs.Sequential((7, 7, 4), [again, BatchNorm(affine=affine), ReLU()], dtype=dtype)
        randomise(model, np.random.default_rng(3))
        return model

    model = made(dtype)
    assert " + batch_norm_1" in model.plan().fused[0]
    images = rng.standard_normal((3, 7, 7, 4))
    np.testing.assert_allclose(
        model(images), layer_by_layer(made("float64"), images), rtol=tolerance, atol=tolerance
    )
    for name in model.state_dict():
        before = model(images)
        label, _, attribute = name.partition(".")
        getattr(model.layer(label), attribute)[...] += 0.5
        expected = cnnrs.Sequential(
            (7, 7, 4),
            [type(layer)(**layer.config()), BatchNorm(affine=affine), ReLU()],
            dtype=dtype,
        )
        expected.load_state_dict(model.state_dict())
        assert not np.array_equal(model(images), before), name
        assert np.array_equal(model(images), expected(images)), name


def test_a_trained_network_folds(rng):
    layers = [
        Conv2D(8, 3, padding="same", use_bias=False),
        BatchNorm(),
        ReLU(),
        Flatten(),
        Dense(5),
        BatchNorm(),
        ReLU(),
        Dense(3),
    ]
    model = cnnrs.Sequential((6, 6, 2), layers, dtype="float64")
    trainer = cnnrs.Trainer(model)
    x = rng.standard_normal((16, 6, 6, 2))
    for _ in range(4):
        trainer.train_step(x, rng.integers(0, 3, 16))
        np.testing.assert_allclose(model(x), layer_by_layer(model, x), rtol=1e-9, atol=1e-10)
    model(x)
    made = []
    original = BatchNorm.scale_and_shift
    try:
        BatchNorm.scale_and_shift = lambda self, read: made.append(self) or original(self, read)
        for _ in range(3):
            model(x)
    finally:
        BatchNorm.scale_and_shift = original
    assert made == [], "nothing has changed since the last prediction"


@pytest.mark.parametrize("count", [1, 3, 200])
def test_folding_gives_what_the_layers_give(count, rng):
    model = network(dtype="float64")
    randomise(model, rng)
    x = rng.standard_normal((count, 8, 8, 3))
    np.testing.assert_allclose(model(x), layer_by_layer(model, x), rtol=1e-9, atol=1e-9)
    assert model.plan().fused == [
        "conv2d_1 + affine_1 + relu_1",
        "conv2d_2 + affine_2",
        "dense_1 + affine_3 + relu_2",
    ]


def test_what_two_layers_read_is_not_folded(rng):
    x = cnnrs.Input((4, 4, 1))
    y = Conv2D(2, 3, padding="same")(x)
    assert cnnrs.Model(x, [Affine()(y), y]).plan().fused == []
    y = Conv2D(2, 3, padding="same", activation="relu")(x)
    assert cnnrs.Model(x, Affine()(y)).plan().fused == [], (
        "behind the activation is not in front of it"
    )
    y = Conv2D(2, 3, padding="same")(x)
    assert cnnrs.Model(x, Affine()(Affine()(y))).plan().fused == ["conv2d_1 + affine_1"]


def test_one_layer_folded_with_two(rng):
    x, shared = cnnrs.Input((6, 6, 2)), Conv2D(2, 3, padding="same")
    first, second = Affine(), Affine()
    model = cnnrs.Model(x, second(shared(first(shared(x)))), dtype="float64")
    randomise(model, rng)
    images = rng.standard_normal((2, 6, 6, 2))
    middle = cnnrs.Model(x, first(shared(x)), dtype="float64")(images)
    expected = cnnrs.Model(x, second(shared(x)), dtype="float64")(middle)
    np.testing.assert_allclose(model(images), expected, rtol=1e-10)


NAMES = [
    f"{layer}.{name}"
    for layer in ("affine_1", "affine_3")
    for name in ("gamma", "beta", "running_mean", "running_var")
]
WAYS = [
    "attribute",
    "kept view",
    "view of a kept view",
    "memoryview",
    "parameters",
    "arena",
    "kept arena",
    "load",
]


@pytest.mark.parametrize(
    ("way", "name", "count"),
    [("attribute", name, 1) for name in [*NAMES, "conv2d_1.bias", "dense_1.weight"]]
    + [(way, name, 1) for way in WAYS for name in ("conv2d_1.weight", "affine_2.running_mean")]
    + [("kept view", "conv2d_1.weight", 70), ("attribute", "affine_2.gamma", 70)],
)
def test_every_edit_is_seen_by_the_next_prediction(way, name, count, rng):
    model = network()
    randomise(model, rng)
    x = rng.standard_normal((count, 8, 8, 3)).astype(np.float32)
    label, _, attribute = name.partition(".")
    layer, parameter = model.layer(label), model.layer(label).parameters[attribute]
    kept = {
        "kept view": lambda: getattr(layer, attribute),
        "view of a kept view": lambda: getattr(layer, attribute).reshape(-1)[:1],
        "memoryview": lambda: memoryview(getattr(layer, attribute).reshape(-1)),
        "kept arena": lambda: (
            model.runtime.arena.values if parameter.trainable else model.runtime.arena.state
        )[model.runtime.arena.slots[parameter].region],
    }.get(way, lambda: None)()
    for turn in range(3):
        before = model(x)
        assert np.array_equal(model(x), before)
        if kept is not None:
            kept[(0,) * (kept.ndim)] += 0.25
        elif way == "attribute":
            getattr(layer, attribute)[...] += 0.25
        elif way == "parameters":
            values = (
                model.parameters() if parameter.trainable else {name: getattr(layer, attribute)}
            )
            values[name].reshape(-1)[0] += 0.25
        elif way == "arena":
            whole = model.runtime.arena.values if parameter.trainable else model.runtime.arena.state
            whole[model.runtime.arena.slots[parameter].region] += 0.25
        elif way == "load":
            model.load_state_dict({**model.state_dict(), name: getattr(layer, attribute) + 0.25})
        fresh = network()
        fresh.load_state_dict(model.state_dict())
        assert not np.array_equal(model(x), before), turn
        assert np.array_equal(model(x), fresh(x)), turn


def test_nothing_is_worked_out_again_where_nothing_changed(rng, monkeypatch):
    model = network()
    made = []
    original = Conv2D.fold
    monkeypatch.setattr(
        Conv2D,
        "fold",
        lambda self, read, scale, shift: made.append(self) or original(self, read, scale, shift),
    )
    x = rng.random((2, 8, 8, 3))
    for _ in range(3):
        model(x)
    assert len(made) == 2, "once for each of two convolutions"
    model.layer("affine_1").gamma[0] = 3
    model(x)
    model(x)
    assert made[2:] == [model.layer("conv2d_1")]
    gamma = model.layer("affine_1").gamma  # somebody may write to it unseen: it is compared
    for _ in range(3):
        model(x)
    assert len(made) == 4, "it was asked for"
    gamma[0] = 5
    model(x)
    assert len(made) == 5
    del gamma
    for _ in range(3):
        model(x)
    assert len(made) == 5


@pytest.mark.parametrize(("stride", "kernel"), [(1, "winograd_2x2"), (2, "direct")])
def test_a_sample_of_one_tile_is_predicted_in_its_own_way_in_any_batch(stride, kernel, rng):
    """Many filters over few pixels have an algorithm of their own in prediction; also where the
    batch is too large to prepare for.
    """
    size, count = 4 * stride, 300
    layers = [Conv2D(192, 3, stride=stride, padding=1, activation="relu"), Flatten(), Dense(4)]
    model = cnnrs.Sequential((size, size, 192), layers, seed=1)
    (step,) = (step for step in model.plan().steps if step.algorithm)
    assert step.algorithm == (kernel if ops.get_winograd() else "direct")
    assert count * 4 * 4 > MOST_POSITIONS
    x = rng.standard_normal((count, size, size, 192)).astype(np.float32)
    together = model(x, batch_size=count)
    for i in (0, 7, count - 1):
        np.testing.assert_array_equal(model(x[i : i + 1])[0], together[i])


def test_edits_are_seen_after_the_parameters_moved(rng):
    inner = network(dtype="float64")
    x = rng.standard_normal((1, 8, 8, 3))
    inner(x)
    outer = cnnrs.Sequential((8, 8, 3), [inner, Dense(6)], dtype="float64")
    outer(x)
    for model in (inner, outer):
        before = model(x)
        inner.layer("conv2d_1").weight[...] *= 2
        assert not np.array_equal(model(x), before)


def test_training_is_seen(rng):
    model = cnnrs.from_text("Input 8x8x1 -> Conv3x3x8 same -> ReLU -> FC3")
    trainer = cnnrs.Trainer(model)
    x = rng.random((4, 8, 8, 1)).astype(np.float32)
    for _ in range(3):
        model(x[:1])
        trainer.train_step(x, [0, 1, 2, 0])
        fresh = cnnrs.from_text("Input 8x8x1 -> Conv3x3x8 same -> ReLU -> FC3")
        fresh.load_state_dict(model.state_dict())
        assert np.array_equal(model(x[:1]), fresh(x[:1]))


def test_many_threads_and_one_that_edits(rng):
    model = network()
    x = rng.standard_normal((1, 8, 8, 3)).astype(np.float32)
    results = set()

    def work():
        for _ in range(60):
            results.add(model(x).tobytes())

    truths = set()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(40):
        model.layer("affine_3").beta[0] = turn % 2
    for thread in threads:
        thread.join()
    for value in (0, 1):
        model.layer("affine_3").beta[0] = value
        truths.add(model(x).tobytes())
    assert results <= truths
