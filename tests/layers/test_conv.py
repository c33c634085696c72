"""Conv2D as a layer: shapes, parameters, activations, refusals."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.layers import Conv2D


def model_of(layer, shape, **options):
    return cnnrs.Sequential(shape, [layer], **options)


def test_parameters_and_output_shape():
    layer = Conv2D(8, (3, 5), stride=2, padding=(1, 2), groups=2)
    model = model_of(layer, (9, 12, 4))
    assert model.output_shape == (5, 6, 8)
    assert layer.weight.shape == (3, 5, 2, 8)
    assert layer.bias.shape == (8,)
    assert model.num_parameters == 3 * 5 * 2 * 8 + 8


def test_bias_is_optional():
    assert model_of(Conv2D(4, 3, use_bias=False), (5, 5, 2)).num_parameters == 72


def test_values_are_those_of_the_definition(rng):
    layer = Conv2D(3, 3, stride=2, padding=1, dilation=1)
    model = model_of(layer, (7, 6, 2), dtype="float64")
    layer.weight[...] = rng.standard_normal(layer.weight.shape)
    layer.bias[...] = rng.standard_normal(3)
    x = rng.standard_normal((2, 7, 6, 2))
    expected = np.zeros((2, 4, 3, 3))
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for row in range(4):
        for column in range(3):
            window = padded[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
            expected[:, row, column] = np.einsum("nijc,ijco->no", window, layer.weight) + layer.bias
    np.testing.assert_allclose(model(x), expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("relu", lambda v: np.maximum(v, 0)),
        ("sigmoid", lambda v: 1 / (1 + np.exp(-v))),
        ("tanh", np.tanh),
    ],
)
def test_activation_is_applied_to_the_output(rng, activation, function):
    plain, bent = Conv2D(3, 3), Conv2D(3, 3, activation=activation)
    first, second = (
        model_of(plain, (6, 6, 2), dtype="float64"),
        model_of(bent, (6, 6, 2), dtype="float64"),
    )
    plain.weight[...] = bent.weight[...] = rng.standard_normal(plain.weight.shape)
    x = rng.standard_normal((2, 6, 6, 2))
    np.testing.assert_allclose(second(x), function(first(x)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("arguments", "error", "word"),
    [
        ({"filters": 0, "kernel_size": 3}, ArgumentError, "filters"),
        ({"filters": 4, "kernel_size": 0}, ShapeError, "kernel_size"),
        ({"filters": 4, "kernel_size": 3, "stride": 0}, ShapeError, "stride"),
        ({"filters": 4, "kernel_size": 3, "dilation": 0}, ShapeError, "dilation"),
        ({"filters": 4, "kernel_size": (1, 2, 3)}, ShapeError, "kernel_size"),
        ({"filters": 4.0, "kernel_size": 3}, DTypeError, "filters"),
        ({"filters": 4, "kernel_size": 3, "groups": 3}, ShapeError, "groups"),
        ({"filters": 4, "kernel_size": 3, "activation": "swoosh"}, ArgumentError, "activation"),
        ({"filters": 4, "kernel_size": 3, "padding": "some"}, ArgumentError, "padding"),
        ({"filters": 4, "kernel_size": 3, "rounding": "up"}, ArgumentError, "rounding"),
        (
            {"filters": 4, "kernel_size": 3, "weight_initializer": "he"},
            ArgumentError,
            "initializer",
        ),
        ({"filters": 4, "kernel_size": 3, "name": ""}, ArgumentError, "name"),
        ({"filters": 4, "kernel_size": 3, "name": "a.b"}, ArgumentError, "name"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments, error, word):
    with pytest.raises(error, match=word):
        Conv2D(**arguments)


@pytest.mark.parametrize(
    ("layer", "shape", "words"),
    [
        (Conv2D(4, 3, groups=2), (5, 5, 3), ["groups", "3 channels"]),
        (Conv2D(4, 7), (5, 5, 3), ["7", "5"]),
        (Conv2D(4, 3, dilation=10**6), (5, 5, 3), ["conv2d_1"]),
        (Conv2D(4, 3), (25,), ["Conv2D", "25"]),
        (Conv2D(4, 3, stride=3, rounding="exact"), (7, 7, 1), ["7", "3"]),
    ],
)
def test_inputs_that_do_not_fit_are_refused_when_the_model_is_made(layer, shape, words):
    with pytest.raises(cnnrs.errors.CnnrsError) as caught:
        model_of(layer, shape)
    for word in [*words, "x".join(map(str, shape))]:
        assert word in str(caught.value)


def test_unknown_and_missing_arguments_stay_type_errors():
    with pytest.raises(TypeError):
        Conv2D(4)
    with pytest.raises(TypeError):
        Conv2D(4, 3, colour="red")
