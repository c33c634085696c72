"""The summary: counts by hand, receptive fields by closed form and by gradient, what pooling
changes.
"""

import numpy as np
import pytest

import cnnrs
from cnnrs.layers import (
    AveragePool2D,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePool2D,
    MaxPool2D,
    ReLU,
)


def test_counts_by_hand():
    summary = cnnrs.Sequential(
        (32, 32, 3), [Conv2D(6, 5, groups=3), ReLU(), MaxPool2D(2), Flatten(), Dense(10)]
    ).summary(batch_size=4)
    conv, relu, pool, flat, dense = summary.layers
    assert (conv.parameters, conv.multiplications_per_output, conv.multiply_adds) == (
        6 * 25 + 6,
        25,
        28 * 28 * 6 * 25,
    )
    assert (relu.parameters, relu.multiply_adds) == (0, 0)
    assert pool.output_shape == (14, 14, 6)
    assert (flat.output_shape, flat.field) == ((1176,), None)
    assert (dense.parameters, dense.multiply_adds) == (11770, 11760)
    assert summary.num_parameters == 156 + 11770
    assert summary.multiply_adds == conv.multiply_adds + dense.multiply_adds
    assert conv.activation_bytes == 28 * 28 * 6 * 4
    assert conv.overlap == (4, 4)
    assert pool.overlap == (0, 0)
    text = str(summary)
    for piece in ("conv2d_1", "28x28x6", "11,926", "117,600", "5x5"):
        assert piece in text
    assert repr(summary) == text


def test_unused_border_pixels_are_marked():
    summary = cnnrs.Sequential((10, 7, 1), [Conv2D(1, 3, stride=3), MaxPool2D(2)]).summary()
    assert summary.layers[0].unused == (1, 1)
    assert summary.layers[1].unused == (1, 0)
    assert "conv2d_1 leaves 1 row and 1 column" in str(summary)
    assert "3x2x1*" in str(summary)
    whole = cnnrs.Sequential(
        (7, 7, 1), [Conv2D(1, 3, stride=2, padding="same"), MaxPool2D(3, 1)]
    ).summary()
    assert all(line.unused == (0, 0) for line in whole.layers)
    assert "*" not in str(whole)


def test_a_shared_layer_is_counted_once():
    x = cnnrs.Input((4,))
    layer = Dense(4)
    summary = cnnrs.Model(x, layer(layer(x))).summary()
    assert [line.parameters for line in summary.layers] == [20, 0]
    assert [line.name for line in summary.layers] == ["dense_1", "dense_1:2"]


def test_vgg16_sees_212_pixels_at_the_end_of_its_pools():
    blocks = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]
    layers = [
        layer
        for filters, count in blocks
        for layer in [*(Conv2D(filters, 3, padding=1) for _ in range(count)), MaxPool2D(2)]
    ]
    model = cnnrs.Sequential((224, 224, 3), layers)
    field = model.receptive_field("max_pool2d_5")
    assert (field.size, field.jump) == ((212, 212), (32, 32))


def test_the_field_is_where_the_gradient_is(rng):
    """Closed form against the support of the gradient of one output, on random networks."""
    for _ in range(25):
        layers = []
        for _ in range(rng.integers(1, 5)):
            kernel, stride = (
                tuple(map(int, rng.integers(1, 4, 2))),
                tuple(map(int, rng.integers(1, 3, 2))),
            )
            if rng.random() < 0.6:
                dilation = tuple(map(int, rng.integers(1, 3, 2)))
                layers.append(
                    Conv2D(
                        2,
                        kernel,
                        stride=stride,
                        padding=int(rng.integers(0, 2)),
                        dilation=dilation,
                        weight_initializer="ones",
                    )
                )
            else:
                layers.append(AveragePool2D(kernel, stride))
        model = cnnrs.Sequential((64, 70, 1), layers, dtype="float64")
        rows, columns, _ = model.output_shape
        row, column = rows // 2, columns // 2
        token, run = model.runtime.acquire(
            model.runtime.plan_for(training=True, input_gradients=True), 1
        )
        run.forward([np.ones((1, 64, 70, 1))])
        gradient = run.output_gradients()[0][0]
        gradient[...] = 0
        gradient[0, row, column, 0] = 1
        run.backward()
        seen = np.argwhere(run.input_gradient()[0, :, :, 0])
        model.runtime.release(token)
        field = model.receptive_field(model.layers[-1])
        for axis, position, size in ((0, row, 64), (1, column, 70)):
            first = field.start[axis] + position * field.jump[axis]
            assert seen[:, axis].min() == max(first, 0)
            assert seen[:, axis].max() == min(first + field.size[axis], size) - 1


def test_relu_leaves_the_field_and_branches_are_joined():
    x = cnnrs.Input((20, 20, 1))
    wide, narrow = (
        Conv2D(1, 7, padding="same", name="wide")(x),
        Conv2D(1, 3, padding="same", name="narrow")(x),
    )
    model = cnnrs.Model(x, ReLU()(Concat()([wide, narrow])))
    assert model.receptive_field("narrow").size == (3, 3)
    assert (
        model.receptive_field("relu_1")
        == model.receptive_field("concat_1")
        == model.receptive_field("wide")
    )


def test_behind_a_global_layer_everything_is_seen():
    model = cnnrs.Sequential((9, 9, 1), [Conv2D(2, 3), GlobalAveragePool2D(), Dense(2)])
    assert model.receptive_field("global_average_pool2d_1").size == (9, 9)
    with pytest.raises(cnnrs.errors.ArgumentError, match="dense_1"):
        model.receptive_field("dense_2")


@pytest.mark.parametrize("name", ["lenet5", "classic"])
@pytest.mark.parametrize("count", [1, 32])
def test_predicted_bytes_are_what_the_model_then_holds(name, count, rng):
    model = cnnrs.zoo.create(name)
    summary = model.summary(batch_size=count)
    x = rng.random((count, *model.input_shape))
    model(x)
    assert model.runtime.held_bytes == summary.prediction.workspace + summary.prediction.prepared
    cnnrs.Trainer(model).train_step(x, np.zeros(count, int))
    assert (
        model.runtime.held_bytes
        == max(summary.prediction_bytes, summary.training_bytes) + summary.prediction.prepared
    )
