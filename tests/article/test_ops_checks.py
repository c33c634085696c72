"""Check what the article says about the operations, number by number."""

import math

import numpy as np
import pytest

from cnnrs import ops
from cnnrs.errors import ShapeError

# The article's curve detector and the two places it looks at (its first printing of the filter; the
# second differs in the last row).
CURVE_FILTER = np.array(
    [
        [0, 0, 0, 0, 0, 30, 0],
        [0, 0, 0, 0, 30, 0, 0],
        [0, 0, 0, 30, 0, 0, 0],
        [0, 0, 0, 30, 0, 0, 0],
        [0, 0, 0, 30, 0, 0, 0],
        [0, 0, 0, 30, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]
)
MOUSE_BACK = np.array(
    [
        [0, 0, 0, 0, 0, 0, 30],
        [0, 0, 0, 0, 50, 50, 50],
        [0, 0, 0, 20, 50, 0, 0],
        [0, 0, 0, 50, 50, 0, 0],
        [0, 0, 0, 50, 50, 0, 0],
        [0, 0, 0, 50, 50, 0, 0],
        [0, 0, 0, 50, 50, 0, 0],
    ]
)
MOUSE_HEAD = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0],
        [0, 40, 0, 0, 0, 0, 0],
        [40, 0, 40, 0, 0, 0, 0],
        [40, 20, 0, 0, 0, 0, 0],
        [0, 50, 0, 0, 0, 0, 0],
        [0, 0, 50, 0, 0, 0, 0],
        [25, 25, 0, 50, 0, 0, 0],
    ]
)
DTYPES = pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
ARTICLE_OUTPUT, ARTICLE_LABEL = [0.1] * 10, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]


def image(plane):
    return plane[None, :, :, None]


def filters(plane):
    return plane[:, :, None, None]


def test_a_filter_is_as_deep_as_its_input():  # S06
    with pytest.raises(ShapeError) as caught:
        ops.conv2d(np.zeros((1, 32, 32, 4)), np.zeros((5, 5, 3, 1)))
    assert "3" in str(caught.value)
    assert "4" in str(caught.value)


def test_one_filter_has_784_positions_two_filters_two_maps(rng):  # S08, S09
    x = rng.standard_normal((1, 32, 32, 3)).astype(np.float32)
    two = rng.standard_normal((5, 5, 3, 2)).astype(np.float32)
    maps = ops.conv2d(x, two)
    assert maps.shape == (1, 28, 28, 2)
    for i in range(2):
        one = ops.conv2d(x, two[..., i : i + 1])
        assert one.shape == (1, 28, 28, 1)
        assert one.size == 784
        np.testing.assert_array_equal(one[..., 0], maps[..., i])


# S07, S10: with ones everywhere a sum counts its products
def test_75_multiplications_at_each_position():
    counts = ops.conv2d(np.ones((1, 32, 32, 3), np.float32), np.ones((5, 5, 3, 1), np.float32))
    np.testing.assert_array_equal(counts, np.full((1, 28, 28, 1), 75))
    assert counts.sum() == 58_800


@DTYPES
def test_the_curve_detector(dtype):  # S11, S12
    assert (50 * 30) + (50 * 30) + (50 * 30) + (20 * 30) + (50 * 30) == 6600
    weight = filters(CURVE_FILTER.astype(dtype))
    assert ops.conv2d(image(MOUSE_BACK.astype(dtype)), weight).item() == 6600
    assert ops.conv2d(image(MOUSE_HEAD.astype(dtype)), weight).item() == 0


def test_the_filter_is_not_flipped():
    flipped = filters(CURVE_FILTER[::-1, ::-1])
    assert ops.conv2d(image(MOUSE_BACK), flipped).item() == 3600
    assert ops.conv2d(image(MOUSE_HEAD), flipped).item() == 2250


def test_the_second_printing_of_the_filter_gives_other_numbers():
    second = CURVE_FILTER.copy()
    second[6, 3] = 30
    assert ops.conv2d(image(MOUSE_BACK), filters(second)).item() == 8100
    assert ops.conv2d(image(MOUSE_HEAD), filters(second)).item() == 1500


@pytest.mark.parametrize("depth", [1, 3])
def test_the_top_left_of_the_26_by_26_map_is_6600(
    depth,
):  # S13; the text's 7 x 7 x 3 filter with two slices of zeros as well
    x, weight = np.zeros((1, 32, 32, depth)), np.zeros((7, 7, depth, 1))
    x[0, :7, :7, 0] = MOUSE_BACK
    x[0, :7, 25:, 0] = MOUSE_HEAD
    weight[:, :, 0, 0] = CURVE_FILTER
    y = ops.conv2d(x, weight)
    assert y.shape == (1, 26, 26, 1)
    assert y[0, 0, 0, 0] == 6600
    assert y[0, 0, 25, 0] == 0


@pytest.mark.parametrize("count", [1, 2, 7, 32])
def test_more_filters_more_depth_and_the_same_height_and_width(count):  # S15
    assert ops.conv2d(np.zeros((1, 32, 32, 3)), np.zeros((5, 5, 3, count))).shape == (
        1,
        28,
        28,
        count,
    )


def test_a_second_convolution_takes_the_maps_of_the_first(rng):  # S18
    first = ops.conv2d(rng.standard_normal((1, 32, 32, 3)), rng.standard_normal((5, 5, 3, 3)))
    assert first.shape == (1, 28, 28, 3)
    assert ops.conv2d(first, rng.standard_normal((5, 5, 3, 4))).shape == (1, 24, 24, 4)


def test_the_label_of_a_three():  # S27
    np.testing.assert_array_equal(ops.one_hot(3, 10), ARTICLE_LABEL)
    output = np.array([ARTICLE_OUTPUT])
    for loss in (ops.cross_entropy(output, [3]), ops.cross_entropy(output, [ARTICLE_LABEL])):
        assert loss == pytest.approx(math.log(10), rel=1e-15)
        assert round(loss, 6) == 2.302585


def test_half_the_sum_of_squares_is_0_45():  # S28
    output, label = np.array(ARTICLE_OUTPUT), np.array(ARTICLE_LABEL, np.float64)
    for loss in (
        ops.half_sum_of_squares(output, label),
        ops.half_sum_of_squares(output[None], label[None]),
    ):
        assert loss == 0.45
    assert ops.half_sum_of_squares(
        output.astype(np.float32), label.astype(np.float32)
    ) == pytest.approx(0.45, rel=1e-7)
    np.testing.assert_array_equal(ops.half_sum_of_squares_backward(output, label), output - label)


def test_strides_on_seven_by_seven(rng):  # S40, S41
    x, weight = rng.standard_normal((1, 7, 7, 1)), rng.standard_normal((3, 3, 1, 1))
    assert ops.conv2d(x, weight, stride=1).shape == (1, 5, 5, 1)
    assert ops.conv2d(x, weight, stride=2).shape == (1, 3, 3, 1)
    np.testing.assert_allclose(
        ops.conv2d(x, weight, stride=2), ops.conv2d(x, weight)[:, ::2, ::2], rtol=1e-12
    )


def test_stride_three_has_issues_with_spacing():  # S42
    with pytest.raises(ShapeError) as caught:
        ops.conv2d_output_size(7, 3, 3, rounding="exact")
    text = str(caught.value)
    assert "2.33" in text
    strides, paddings = text[text.index("strides") :], text[text.index("paddings") :]
    assert "2" in strides
    assert "4" in strides
    assert "1" in paddings
    assert ops.conv2d_output_size(7, 3, 3, rounding="floor") == 2
    assert ops.conv2d_output_size(7, 3, 3, rounding="ceil") == 3


def test_stride_and_overlap():  # S43: larger strides, smaller outputs
    sizes = [ops.conv2d_output_size(32, 5, stride) for stride in range(1, 9)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 28
    assert sizes[-1] == 4


def test_two_borders_of_zeros_keep_32_by_32_by_3(rng):  # S44
    x, weight = rng.standard_normal((1, 32, 32, 3)), rng.standard_normal((5, 5, 3, 3))
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    assert padded.shape == (1, 36, 36, 3)
    y = ops.conv2d(x, weight, padding=2)
    assert y.shape == (1, 32, 32, 3)
    np.testing.assert_allclose(y, ops.conv2d(padded, weight), rtol=0, atol=1e-12)


def test_half_of_the_kernel_less_one_keeps_the_size():  # S45
    for kernel in (1, 3, 5, 7, 9, 11):
        assert ops.conv2d_output_size(32, kernel, 1, (kernel - 1) // 2) == 32
    for kernel in range(1, 12):
        assert ops.conv2d_output_size(32, kernel, 1, "same") == 32


def test_the_formula_predicts_what_runs(rng):  # S46
    checked = 0
    while checked < 10_000:
        size, kernel, stride, dilation = (int(rng.integers(1, high)) for high in (33, 8, 5, 4))
        padding = int(rng.integers(0, 5))
        span = dilation * (kernel - 1) + 1
        if span > size + 2 * padding:
            continue
        predicted = ops.conv2d_output_size(size, kernel, stride, padding, dilation)
        assert predicted == (size - span + 2 * padding) // stride + 1
        if checked % 20 == 0:
            window = {"stride": (1, stride), "padding": (0, padding), "dilation": (1, dilation)}
            assert ops.conv2d(
                np.zeros((1, 1, size, 1)), np.zeros((1, kernel, 1, 1)), **window
            ).shape == (1, 1, predicted, 1)
        checked += 1


def test_relu_changes_all_negative_activations_to_zero(rng):  # S48
    x = np.array([-np.inf, -3.0, -0.0, 0.0, 2.0, np.inf])
    np.testing.assert_array_equal(ops.relu(x), [0, 0, 0, 0, 2, np.inf])
    np.testing.assert_array_equal(ops.relu_backward(np.ones(6), ops.relu(x)), [0, 0, 0, 0, 1, 1])
    maps = rng.standard_normal((1, 28, 28, 2))
    assert ops.relu(maps).shape == maps.shape


def test_tanh_and_sigmoid_were_used():  # S49
    assert ops.sigmoid(np.array([0.0])).item() == 0.5
    assert ops.sigmoid(np.array([-1000.0])).item() == 0.0
    assert ops.sigmoid(np.array([-1000.0], np.float32)).item() == pytest.approx(0.0, abs=1e-37)
    assert ops.tanh(np.array([0.5])).item() == pytest.approx(math.tanh(0.5), rel=1e-15)


def test_max_pool_of_two_by_two():  # S52
    x = image(np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]]))
    y, argmax = ops.max_pool2d(x, 2)
    np.testing.assert_array_equal(y[0, :, :, 0], [[6, 8], [3, 4]])
    grad = ops.max_pool2d_backward(
        image(np.array([[1.0, 2.0], [3.0, 4.0]])), argmax, (1, 4, 4, 1), kernel_size=2
    )
    np.testing.assert_array_equal(
        grad[0, :, :, 0], [[0, 0, 0, 0], [0, 1, 0, 2], [3, 0, 0, 0], [0, 0, 0, 4]]
    )


def test_overlapping_max_pool_with_its_backward():  # S52
    x = image(
        np.array(
            [
                [1, 2, 3, 4, 5],
                [6, 7, 8, 9, 10],
                [11, 12, 99, 14, 15],
                [16, 17, 18, 19, 20],
                [21, 22, 23, 24, 25],
            ]
        )
    )
    y, argmax = ops.max_pool2d(x, 3, stride=2)
    np.testing.assert_array_equal(y[0, :, :, 0], [[99, 99], [99, 99]])
    grad = ops.max_pool2d_backward(
        np.ones((1, 2, 2, 1)), argmax, (1, 5, 5, 1), kernel_size=3, stride=2
    )
    assert grad[0, 2, 2, 0] == 4
    assert grad.sum() == 4


def test_average_and_l2_norm_pooling():  # S53
    x = image(np.array([[1.0, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [0, 2, 0, 0]]))
    np.testing.assert_array_equal(
        ops.average_pool2d(x, 2)[0, :, :, 0], [[3.25, 5.25], [1.75, 0.25]]
    )
    expected = [
        [math.sqrt(1 + 1 + 25 + 36), math.sqrt(4 + 16 + 49 + 64)],
        [math.sqrt(9 + 4 + 4), 1],
    ]
    np.testing.assert_allclose(ops.lp_pool2d(x, 2)[0, :, :, 0], expected, rtol=1e-15)
    zeros = np.zeros((1, 2, 2, 1))
    np.testing.assert_array_equal(
        ops.lp_pool2d_backward(np.ones((1, 1, 1, 1)), zeros, ops.lp_pool2d(zeros, 2), 2), zeros
    )


@pytest.mark.parametrize("channels", [1, 3, 64])
def test_pooling_changes_length_and_width_but_not_depth_and_leaves_a_quarter(channels):  # S54, S55
    x = np.zeros((1, 28, 28, channels))
    for y in (ops.max_pool2d(x, 2)[0], ops.average_pool2d(x, 2), ops.lp_pool2d(x, 2)):
        assert y.shape == (1, 14, 14, channels)
        assert y.size * 4 == x.size


def test_dropout_of_a_million_ones():  # S57
    ones = np.ones(1_000_000)
    y = ops.dropout(ones, 0.5, seed=0)
    assert abs(float(np.mean(y == 0)) - 0.5) <= 0.002
    np.testing.assert_array_equal(np.unique(y), [0, 2])
    assert abs(float(y.mean()) - 1) <= 0.005
    np.testing.assert_array_equal(ops.dropout(ones, 0.5, seed=0), y)


def test_a_one_by_one_convolution_is_a_matrix_over_channels(rng):  # S60
    x, weight = (
        rng.standard_normal((2, 9, 8, 33)).astype(np.float32),
        rng.standard_normal((1, 1, 33, 17)).astype(np.float32),
    )
    y = ops.conv2d(x, weight)
    expected = x.reshape(-1, 33).astype(np.float64) @ weight[0, 0].astype(np.float64)
    assert np.abs(y.reshape(-1, 17) - expected).max() <= 1e-6 * np.abs(expected).max()
