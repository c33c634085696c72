"""Up-sampling, unpooling, padding, cropping, reshaping, and the parts of LeNet-5: values by hand,
shapes, bad inputs, receptive fields.
"""

from fractions import Fraction

import numpy as np
import pytest

import cnnrs
from cnnrs import ops
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, ShapeError
from cnnrs.layers import (
    AdaptiveAveragePool2D,
    AveragePool2D,
    Concat,
    Conv2D,
    Conv2DTranspose,
    Crop2D,
    GlobalMaxPool2D,
    MaxPool2D,
    MaxUnpool2D,
    Multiply,
    Permute,
    Reshape,
    Upsample2D,
    ZeroPad2D,
    ZeroPadChannels,
)
from cnnrs.zoo.lenet_layers import ChannelScale, RBFCodes, TableConv2D


def run(layer, x):
    return cnnrs.Sequential(np.shape(x)[1:], [layer])(x)


def test_by_hand():
    x = np.arange(1.0, 5.0).reshape(1, 2, 2, 1)
    assert run(ZeroPad2D(((1, 0), (0, 2))), x)[0, :, :, 0].tolist() == [
        [0, 0, 0, 0],
        [1, 2, 0, 0],
        [3, 4, 0, 0],
    ]
    assert run(Crop2D(((1, 0), (0, 1))), x).ravel().tolist() == [3]
    assert run(ZeroPadChannels(1, 1), x)[0, 1, 0].tolist() == [0, 3, 0]
    assert run(Upsample2D((1, 2)), x)[0, :, :, 0].tolist() == [[1, 1, 2, 2], [3, 3, 4, 4]]
    assert run(AdaptiveAveragePool2D((1, 2)), x).ravel().tolist() == [2, 3]
    assert run(Reshape(4), x).tolist() == [[1, 2, 3, 4]]
    assert run(Permute((2, 1, 3)), x)[0, :, :, 0].tolist() == [[1, 3], [2, 4]]


def test_a_plan_that_shares_memory_leaves_no_old_values(rng):
    """Where the border lies, other arrays have lain in the run before."""
    inputs = cnnrs.Input((6, 6, 2))
    x = Conv2D(2, 3, activation="relu")(inputs)
    x = Crop2D(1)(ZeroPad2D(3)(x))
    x = ZeroPadChannels(2, 1)(x)
    model = cnnrs.Model(inputs, MaxUnpool2D(2)([MaxPool2D(2)(x), x]))
    x = rng.standard_normal((3, 6, 6, 2))
    first = model(x)
    model(100 * x)
    assert np.array_equal(model(x), first)


def test_unpooling_in_a_model_like_segnet(rng):
    inputs = cnnrs.Input((8, 8, 3))
    x = Conv2D(4, 3, padding="same", activation="relu")(inputs)
    pooled = MaxPool2D(2)(x)
    model = cnnrs.Model(
        inputs, Conv2D(2, 3, padding="same")(MaxUnpool2D(2)([Conv2D(4, 1)(pooled), x]))
    )
    trainer = cnnrs.Trainer(model)
    images, labels = rng.standard_normal((4, 8, 8, 3)), rng.integers(0, 2, (4, 8, 8))
    losses = [trainer.train_step(images, labels) for _ in range(20)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("make", "shape", "text"),
    [
        (lambda: ZeroPad2D("same"), (4, 4, 1), "padding"),
        (lambda: ZeroPad2D(-1), (4, 4, 1), "padding"),
        (lambda: ZeroPad2D((1, 2, 3)), (4, 4, 1), "padding"),
        (lambda: ZeroPad2D(1), (4,), "images"),
        (lambda: Crop2D(2), (4, 5, 1), "leaves nothing"),
        (lambda: Crop2D(1), (4,), "images"),
        (lambda: ZeroPadChannels(-1), (4, 4, 1), "before"),
        (lambda: Upsample2D(0), (4, 4, 1), "factor"),
        (lambda: Upsample2D(2, "cubic"), (4, 4, 1), "interpolation"),
        (lambda: Upsample2D(2), (4,), "images"),
        (lambda: AdaptiveAveragePool2D(0), (4, 4, 1), "output_size"),
        (lambda: AdaptiveAveragePool2D(2), (4,), "images"),
        (lambda: GlobalMaxPool2D(), (4,), "images"),
        (lambda: MaxUnpool2D(2), (4, 4, 1), "two inputs"),
        (lambda: Reshape((2, 3)), (4, 4, 1), "16 values"),
        (lambda: Reshape((-1, 3)), (4, 4, 1), "16 values"),
        (lambda: Reshape((-1, -1)), (4, 4, 1), "at most one"),
        (lambda: Reshape(()), (4, 4, 1), "shape"),
        (lambda: Reshape(-2), (4, 4, 1), "shape"),
        (lambda: Permute((1, 2)), (4, 4, 1), "axes"),
        (lambda: Permute((1, 1, 2)), (4, 4, 1), "axes"),
        (lambda: Permute((0, 1, 2)), (4, 4, 1), "axes"),
        (lambda: TableConv2D([[0, 1]], 3), (4, 4, 1), "channel 1"),
        (lambda: TableConv2D([], 3), (4, 4, 1), "table"),
        (lambda: TableConv2D([[]], 3), (4, 4, 1), "table"),
        (lambda: TableConv2D([[0, 0]], 3), (4, 4, 1), "table"),
        (lambda: TableConv2D(5, 3), (4, 4, 1), "table"),
        (lambda: TableConv2D([[0]], 5), (4, 4, 1), "height"),
        (lambda: RBFCodes(3), (4, 4, 1), "vector"),
    ],
)
def test_refused(make, shape, text):
    with pytest.raises(CnnrsError, match=text):
        cnnrs.Sequential(shape, [make()])


def test_joins_refuse_what_does_not_fit():
    a, b = cnnrs.Input((4, 4, 2)), cnnrs.Input((2, 2, 3))
    for layer in (Multiply(), Concat(), MaxUnpool2D(2)):
        with pytest.raises(ShapeError):
            layer([a, b])
        with pytest.raises(ShapeError):
            layer([a])
    with pytest.raises(DTypeError):
        Crop2D(1.5)
    with pytest.raises(ArgumentError):
        ZeroPad2D("valid")


def test_receptive_fields_where_layers_enlarge():
    def field(layers, size=64):
        model = cnnrs.Sequential((size, size, 1), layers)
        return model.receptive_field(model.layers[-1])

    up = field([MaxPool2D(2), Upsample2D(2), Conv2D(1, 3)])
    assert (up.size, up.jump) == ((4, 4), (1, 1))
    assert field([Upsample2D(2)]).jump == (Fraction(1, 2), Fraction(1, 2))
    same = field([Conv2DTranspose(1, 3, padding=1)])
    assert (same.size, same.jump, same.start) == ((3, 3), (1, 1), (-1, -1))
    double = field([AveragePool2D(4), Conv2DTranspose(1, 2, stride=2)])
    assert (double.size, double.jump, double.start) == ((4, 4), (2, 2), (0, 0))
    assert field([Conv2D(1, 3), Crop2D(2)]).start == (2, 2)
    assert field([ZeroPad2D(2), Conv2D(1, 3)]).start == (-2, -2)
    model = cnnrs.Sequential(
        (64, 64, 1), [Upsample2D(2, "bilinear"), AdaptiveAveragePool2D(7), Reshape(-1)]
    )
    assert "upsample2d_1" in str(model.summary())


def test_table_convolution_is_a_convolution_with_holes(rng):
    table = [[0, 2], [1], [2, 1, 0]]
    layer = TableConv2D(table, (3, 2))
    model = cnnrs.Sequential((5, 6, 3), [layer])
    assert layer.weight.shape == (3, 2, 6)
    assert model.num_parameters == 3 * 2 * 6 + 3
    weight = np.zeros((3, 2, 3, 3), np.float32)
    connection = 0
    for number, channels in enumerate(table):
        for channel in channels:
            weight[:, :, channel, number] = layer.weight[:, :, connection]
            connection += 1
    x = rng.standard_normal((2, 5, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(model(x), ops.conv2d(x, weight, layer.bias), rtol=1e-5, atol=1e-6)


def test_codes_are_signs_and_the_nearest_wins(rng):
    layer = RBFCodes(7)
    model = cnnrs.Sequential((84,), [layer], seed=3)
    assert set(np.unique(layer.codes)) == {-1, 1}
    assert abs(layer.codes.mean()) < 0.15
    assert model.predict(layer.codes + 0.5 * rng.standard_normal((7, 84))).tolist() == list(
        range(7)
    )
    x = rng.standard_normal((5, 84)).astype(np.float32)
    wanted = -0.5 * ((x[:, None] - layer.codes) ** 2).sum(axis=2)
    np.testing.assert_allclose(model(x), wanted, rtol=1e-5)


def test_channel_scale_folds_for_prediction(rng):
    layer = ChannelScale(2.0)
    model = cnnrs.Sequential((5, 5, 2), [Conv2D(3, 3), layer])
    layer.bias[...] = [1, 2, 3]
    x = rng.standard_normal((2, 5, 5, 2)).astype(np.float32)
    conv = model.layers[0]
    np.testing.assert_allclose(
        model(x), 2 * ops.conv2d(x, conv.weight, conv.bias) + [1, 2, 3], rtol=1e-5, atol=1e-5
    )
    assert len(model.runtime.plan_for(training=False).steps) == 1
