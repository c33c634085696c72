"""Copies and pickles of models and layers."""

import copy
import io
import pickle

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, DTypeError
from cnnrs.layers import Add, BatchNorm, Conv2D, Dense, Dropout, Flatten, Layer, ReLU


class Scale(Layer):
    def __init__(self, factor=2.0, *, name=None):
        super().__init__(name=name)
        self.factor = factor

    def build(self, input_shape):
        self.add_parameter("gain", input_shape[-1:], initializer="ones")
        return input_shape

    def forward(self, ctx, x):
        return x * self.factor * ctx.parameter("gain")


def made(dtype="float32"):
    inputs = cnnrs.Input((6, 6, 2), name="image")
    conv = Conv2D(2, 3, padding="same", activation="relu", weight_initializer="glorot_uniform")
    x = Add(name="sum")([conv(inputs), conv(conv(inputs))])
    x = Dropout(0.5)(BatchNorm()(x))
    model = cnnrs.Model(
        inputs,
        Dense(3)(Flatten()(Scale(3.0)(x))),
        seed=7,
        dtype=dtype,
        class_names=("a", "b", "c"),
        name="net",
    )
    model.layer("batch_norm_1").running_mean[...] = 0.25
    model.layer("conv2d_1").trainable = False
    return model


def by_joblib(model):
    joblib = pytest.importorskip("joblib")
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


WAYS = {
    "copy": lambda model: model.copy(),
    "copy.copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "old pickle": lambda model: pickle.loads(pickle.dumps(model, protocol=2)),
    "joblib": by_joblib,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("way", WAYS)
def test_a_copy_is_equal_and_its_own(way, dtype, rng):
    model = made(dtype)
    other = WAYS[way](model)
    x = rng.random((3, 6, 6, 2))
    assert type(other) is type(model)
    assert other(x).tobytes() == model(x).tobytes()
    assert other(x).dtype == np.dtype(dtype)
    for attribute in ("seed", "class_names", "name", "dtype", "input_shape"):
        assert getattr(other, attribute) == getattr(model, attribute)
    assert list(other.graph.names.values()) == list(model.graph.names.values())
    assert [layer.trainable for layer in other.layers] == [
        layer.trainable for layer in model.layers
    ]
    assert list(map(repr, other.layers)) == list(map(repr, model.layers))
    before = model(x)
    other.layer("dense_1").weight[...] = 0
    np.testing.assert_array_equal(model(x), before)
    assert other(x).any() == other.layer("dense_1").bias.any()


def test_a_copy_trains_to_the_same_bits(rng):
    x, y = rng.random((32, 6, 6, 2)), rng.integers(0, 3, 32)
    cls = Conv2D(4, 3), BatchNorm(), ReLU(), Dropout(0.3), Flatten(), Dense(3)
    model = cnnrs.Sequential((6, 6, 2), cls, seed=3)
    other = copy.deepcopy(model)
    assert type(other) is cnnrs.Sequential
    for each in (model, other):
        cnnrs.Trainer(each, seed=1).fit((x, y), epochs=2, batch_size=8, progress=False)
    for one, two in zip(model.state_dict().values(), other.state_dict().values(), strict=True):
        assert one.tobytes() == two.tobytes()


def test_deepcopy_of_an_object_that_holds_a_model_and_its_layer():
    model = made()
    other, layer = copy.deepcopy([model, model.layers[0]])
    assert layer is other.layers[0]
    assert layer is not model.layers[0]


def test_a_copy_of_a_nested_model_keeps_names():
    inner = cnnrs.Sequential((4,), [Dense(4, name="first"), ReLU()], name="backbone")
    model = cnnrs.Sequential((4,), [inner, Dense(2)])
    other = model.copy()
    assert list(other.state_dict()) == list(model.state_dict())
    assert other([[1.0, 2.0, 3.0, 4.0]]).tobytes() == model([[1.0, 2.0, 3.0, 4.0]]).tobytes()


def test_a_layer_that_does_not_keep_its_arguments_cannot_be_copied():
    class Odd(Scale):
        def __init__(self, secret):
            super().__init__()

    model = cnnrs.Sequential((4,), [Odd(1)])
    for way in ("copy", "deepcopy"):
        with pytest.raises(ArgumentError, match="the argument 'secret' is not kept"):
            WAYS[way](model)


def test_layers_alone():
    for layer in (Conv2D(8, 3, padding="same", name="first"), Scale(5.0), Add()):
        for other in (copy.deepcopy(layer), copy.copy(layer), pickle.loads(pickle.dumps(layer))):
            assert repr(other) == repr(layer)
            assert other is not layer
            other.trainable = False
            assert layer.trainable
    other = copy.deepcopy(Dense(3))
    assert cnnrs.Sequential((4,), [other]).num_parameters == 15


def test_a_layer_of_a_model_points_to_the_model():
    layer = Dense(3)
    cnnrs.Sequential((4,), [layer])
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(DTypeError, match=r"^dense_1: .*model\.copy\(\), pickle\.dumps"):
            way(layer)


def test_a_shallow_copy_has_parameters_of_its_own():
    layer = Dense(3)
    other = copy.copy(layer)
    cnnrs.Sequential((4,), [layer])
    assert cnnrs.Sequential((5,), [other]).num_parameters == 18
    layer = Dense(3)
    layer(cnnrs.Input((4,)))
    other = copy.copy(layer)
    cnnrs.Sequential((4,), [layer], seed=1)
    cnnrs.Sequential((4,), [other], seed=2)
    assert layer.weight.tolist() != other.weight.tolist()
