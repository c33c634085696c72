"""Transposed, depthwise and separable convolutions against definitions written out."""

import numpy as np
import pytest

import cnnrs
from cnnrs import ops
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, ShapeError
from cnnrs.layers import Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D


def fill(model, rng):
    for value in model.parameters().values():
        value[...] = rng.integers(-3, 4, value.shape)


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        ({"kernel_size": 3}, (6, 7)),
        ({"kernel_size": 2, "stride": 2}, (8, 10)),
        ({"kernel_size": 3, "stride": 2, "padding": 1}, (7, 9)),
        ({"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}, (8, 10)),
        (
            {
                "kernel_size": (2, 3),
                "stride": (3, 1),
                "dilation": (1, 2),
                "padding": ((0, 1), (2, 0)),
                "output_padding": (2, 0),
            },
            (12, 7),
        ),
        ({"kernel_size": 5, "stride": 2, "padding": "same"}, (8, 10)),
    ],
)
@pytest.mark.parametrize("groups", [1, 2])
def test_every_pixel_is_spread_over_its_window(arguments, size, groups, rng):
    layer = Conv2DTranspose(4, groups=groups, **arguments)
    model = cnnrs.Sequential((4, 5, 6), [layer])
    assert model.output_shape == (*size, 4)
    fill(model, rng)
    x = rng.integers(-3, 4, (2, 4, 5, 6)).astype(np.float32)
    (kernel_h, kernel_w), (stride_h, stride_w), (gap_h, gap_w) = (
        layer.kernel_size,
        layer.stride,
        layer.dilation,
    )
    large = np.zeros((2, 60, 60, 4))
    for i, j, u, v in np.ndindex(4, 5, kernel_h, kernel_w):
        for g in range(groups):
            inside, outside = (
                slice(g * 6 // groups, (g + 1) * 6 // groups),
                slice(g * 4 // groups, (g + 1) * 4 // groups),
            )
            large[:, i * stride_h + u * gap_h, j * stride_w + v * gap_w, outside] += (
                x[:, i, j, inside] @ layer.weight[u, v, :, inside].T
            )
    if layer.padding == "same":
        top, left = max(0, kernel_h - stride_h) // 2, max(0, kernel_w - stride_w) // 2
    elif isinstance(layer.padding, int):
        top = left = layer.padding
    else:
        top, left = layer.padding[0][0], layer.padding[1][0]
    wanted = large[:, top : top + size[0], left : left + size[1]] + layer.bias
    np.testing.assert_array_equal(model(x), wanted)


def test_transposed_is_the_adjoint_of_convolution(rng):
    forward = cnnrs.Sequential(
        (9, 8, 4), [Conv2D(6, 3, stride=2, padding=1, use_bias=False)], dtype="float64"
    )
    small = forward.output_shape
    back = cnnrs.Sequential(
        small,
        [Conv2DTranspose(4, 3, stride=2, padding=1, output_padding=(0, 1), use_bias=False)],
        dtype="float64",
    )
    assert back.output_shape == (9, 8, 4)
    back.layers[0].weight[...] = forward.layers[0].weight
    x, y = rng.standard_normal((1, 9, 8, 4)), rng.standard_normal((1, *small))
    np.testing.assert_allclose(np.vdot(forward(x), y), np.vdot(x, back(y)))


def test_transposed_weights_start_such_that_activations_keep_their_size(rng):
    for arguments in (
        {"kernel_size": 4, "stride": 2, "padding": 1},
        {"kernel_size": 2, "stride": 2},
        {"kernel_size": 3, "padding": 1},
    ):
        model = cnnrs.Sequential(
            (8, 8, 64), [Conv2DTranspose(16, **arguments, activation="relu"), Conv2D(1, 1)]
        )
        y = model.up_to(model.layers[0].name)(rng.standard_normal((4, 8, 8, 64)))
        assert 0.7 < np.mean(y**2) < 1.3  # ReLU halves twice the variance of the input


@pytest.mark.parametrize(
    ("make", "shape", "text"),
    [
        (
            lambda: Conv2DTranspose(3, 3, output_padding=1),
            (4, 4, 2),
            "output_padding: expected less than the stride",
        ),
        (
            lambda: Conv2DTranspose(3, 3, stride=2, padding="same", output_padding=1),
            (4, 4, 2),
            "output_padding",
        ),
        (lambda: Conv2DTranspose(3, 1, padding=2), (4, 4, 2), "leaves nothing"),
        (lambda: Conv2DTranspose(3, 3, groups=2), (4, 4, 2), "groups"),
        (lambda: Conv2DTranspose(4, 3, groups=2), (4, 4, 3), "groups"),
        (lambda: Conv2DTranspose(4, 3), (4,), "images"),
        (lambda: DepthwiseConv2D(3), (9,), "images"),
        (lambda: DepthwiseConv2D(5), (3, 3, 2), "height"),
        (lambda: SeparableConv2D(4, 5), (3, 3, 2), "height"),
    ],
)
def test_refused(make, shape, text):
    with pytest.raises(ShapeError, match=text):
        cnnrs.Sequential(shape, [make()])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: DepthwiseConv2D(3, depth_multiplier=0), "depth_multiplier"),
        (lambda: SeparableConv2D(0, 3), "filters"),
        (lambda: Conv2DTranspose(0, 3), "filters"),
    ],
)
def test_values_are_refused(make, text):
    with pytest.raises(ArgumentError, match=f"{text}: expected at least 1, got 0"):
        make()


def test_types_are_refused():
    for make in (
        lambda: Conv2DTranspose(2.5, 3),
        lambda: DepthwiseConv2D("3"),
        lambda: SeparableConv2D(3, 3, depth_multiplier=None),
    ):
        with pytest.raises(DTypeError):
            make()
    with pytest.raises(CnnrsError, match="activation"):
        Conv2D(3, 3, activation="swoosh")


def test_depthwise_sees_one_channel_each(rng):
    layer = DepthwiseConv2D(3, padding=1, depth_multiplier=2)
    model = cnnrs.Sequential((5, 6, 3), [layer])
    assert model.output_shape == (5, 6, 6)
    assert layer.weight.shape == (3, 3, 1, 6)
    fill(model, rng)
    x = rng.integers(-3, 4, (2, 5, 6, 3)).astype(np.float32)
    for channel in range(6):
        alone = ops.conv2d(
            x[..., channel // 2 : channel // 2 + 1],
            layer.weight[..., channel : channel + 1],
            layer.bias[channel : channel + 1],
            padding=1,
        )
        np.testing.assert_array_equal(model(x)[..., channel], alone[..., 0])


def test_a_shared_depthwise_layer_needs_equal_channels():
    layer = DepthwiseConv2D(1)
    layer(cnnrs.Input((3, 3, 4)))
    layer(cnnrs.Input((5, 5, 4)))
    with pytest.raises(ShapeError):
        layer(cnnrs.Input((3, 3, 8)))


def test_separable_is_depthwise_then_pointwise(rng):
    layer = SeparableConv2D(
        5, 3, stride=2, padding="same", depth_multiplier=2, activation="hard_swish"
    )
    model = cnnrs.Sequential((7, 6, 3), [layer])
    fill(model, rng)
    x = rng.standard_normal((2, 7, 6, 3)).astype(np.float32)
    middle = ops.conv2d(x, layer.depthwise_weight, stride=2, padding="same", groups=3)
    np.testing.assert_allclose(
        model(x), ops.hard_swish(ops.conv2d(middle, layer.weight, layer.bias)), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_models_of_them_come_back_from_a_file(dtype, rng, tmp_path):
    model = cnnrs.Sequential(
        (6, 6, 2),
        [
            DepthwiseConv2D(3, padding=1, activation="relu6"),
            SeparableConv2D(3, 3, activation="gelu"),
            Conv2DTranspose(2, 2, stride=2),
        ],
        dtype=dtype,
    )
    x = rng.standard_normal((2, 6, 6, 2))
    model.save(tmp_path / "model.cnnrs")
    assert np.array_equal(cnnrs.load(tmp_path / "model.cnnrs")(x), model(x))
    assert model(x).dtype == dtype
