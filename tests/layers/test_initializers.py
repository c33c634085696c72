"""Initializers: deviations by their formulas, equal values for equal seeds, small heads."""

import math

import numpy as np
import pytest

import cnnrs
from cnnrs import initializers
from cnnrs.errors import ArgumentError, DTypeError
from cnnrs.layers import Conv2D, Dense, Flatten, MaxPool2D, ReLU, Softmax

SHAPE = (5, 5, 40, 120)  # fan_in 1,000, fan_out 3,000, 120,000 values


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("he_normal", math.sqrt(2 / 1000)),
        ("he_uniform", math.sqrt(2 / 1000)),
        ("glorot_normal", math.sqrt(2 / 4000)),
        ("glorot_uniform", math.sqrt(2 / 4000)),
        ("lecun_normal", math.sqrt(1 / 1000)),
        ("lecun_uniform", math.sqrt(1 / 1000)),
        ("normal", 0.01),
        ("uniform", 0.1 / math.sqrt(12)),
    ],
)
def test_deviation_is_that_of_the_formula(name, std):
    values = np.empty(SHAPE, np.float32)
    initializers.get(name)(values, np.random.default_rng(1))
    assert values.std() == pytest.approx(std, rel=0.02)
    assert abs(values.mean()) < 3 * std / math.sqrt(values.size) * 2
    if "uniform" in name:
        assert np.abs(values).max() <= math.sqrt(3) * std * 1.001


def test_constants():
    values = np.empty((2, 3))
    for initializer, value in (
        (initializers.Zeros(), 0),
        (initializers.Ones(), 1),
        (initializers.Constant(2.5), 2.5),
    ):
        initializer(values, np.random.default_rng(0))
        assert (values == value).all()


def test_names_configurations_and_refusals():
    for name in ("he_normal", "zeros", "uniform"):
        made = initializers.get(name)
        assert initializers.get(made.config()) == made
        assert initializers.get(made) is made
    for bad in ("he", "constant", {"name": "Nobody"}, {"name": "Normal", "sigma": 1}):
        with pytest.raises(ArgumentError, match="initializer"):
            initializers.get(bad)
    with pytest.raises(DTypeError):
        initializers.get(3)
    with pytest.raises(ArgumentError, match="std"):
        initializers.Normal(-1)
    with pytest.raises(ArgumentError, match="high"):
        initializers.Uniform(1, 0)


def test_same_seed_same_weights_other_seed_other_weights():
    def weights(seed):
        return cnnrs.Sequential(
            (8, 8, 3), [Conv2D(4, 3), ReLU(), Conv2D(4, 3)], seed=seed
        ).runtime.arena.values

    assert np.array_equal(weights(5), weights(5))
    assert not np.array_equal(weights(5), weights(6))


def test_each_layer_has_numbers_of_its_own_that_do_not_depend_on_the_others():
    def layers(count):
        return [Dense(8, weight_initializer="he_normal") for _ in range(count)]

    short, long = cnnrs.Sequential((8,), layers(2)), cnnrs.Sequential((8,), layers(3))
    assert np.array_equal(short.layers[1].weight, long.layers[1].weight)
    assert not np.array_equal(long.layers[1].weight, long.layers[2].weight)


def test_the_head_starts_small_and_nothing_else_does():
    def deviation(layers, which):
        model = cnnrs.Sequential((16, 16, 8), layers)
        weight = model.layers[which].weight
        return weight.std() * math.sqrt(math.prod(weight.shape[:-1]))  # 1.41 for He, 0.1 for a head

    he, head = pytest.approx(math.sqrt(2), rel=0.1), pytest.approx(0.1, rel=0.1)
    assert deviation([Conv2D(32, 3), ReLU(), Flatten(), Dense(20)], 0) == he
    assert deviation([Conv2D(32, 3), ReLU(), Flatten(), Dense(20)], -1) == head
    assert deviation([Conv2D(32, 3), ReLU(), Flatten(), Dense(20), Softmax()], 3) == head
    assert deviation([Conv2D(32, 3), ReLU(), MaxPool2D(2)], 0) == he, (
        "behind a ReLU there is more to come"
    )
    assert deviation([Flatten(), Dense(20, weight_initializer="he_normal")], -1) == he, (
        "what was asked for goes first"
    )
