"""Output sizes against counting windows one by one."""

import numpy as np
import pytest

import reference
from cnnrs import ops
from cnnrs.errors import ArgumentError, DTypeError, ShapeError


@pytest.mark.parametrize("rounding", ["floor", "ceil"])
def test_formula_counts_windows(rng, rounding):
    checked = 0
    for _ in range(3000):
        size, kernel, stride, dilation = (int(rng.integers(1, high)) for high in (41, 8, 6, 4))
        before, after = (int(v) for v in rng.integers(0, kernel // 2 + 1, 2))
        if dilation * (kernel - 1) + 1 > size + before + after:
            continue
        expected = reference.output_size(size, kernel, stride, before, after, dilation, rounding)
        assert (
            ops.conv2d_output_size(size, kernel, stride, (before, after), dilation, rounding)
            == expected
        )
        checked += 1
    assert checked > 2000


def test_same_keeps_the_size_over_the_stride():
    for size in range(1, 20):
        for kernel in range(1, 8):
            for stride in range(1, 5):
                for dilation in (1, 2):
                    assert ops.conv2d_output_size(size, kernel, stride, "same", dilation) == -(
                        -size // stride
                    )


def test_same_puts_the_odd_pixel_at_the_bottom_and_right():
    x = np.zeros((1, 2, 2, 1))
    x[0, 1, 1, 0] = 1
    weight = np.arange(1.0, 5.0).reshape(2, 2, 1, 1)
    y = ops.conv2d(x, weight, padding="same")[0, :, :, 0]
    np.testing.assert_array_equal(y, [[4, 3], [2, 1]])


def test_spellings_of_padding_agree(rng):
    x, weight = rng.standard_normal((1, 9, 8, 2)), rng.standard_normal((3, 5, 2, 3))
    one = ops.conv2d(x, weight, padding=((1, 1), (2, 2)))
    for same in [(1, 2), [1, 2], np.array([1, 2]), "same", ((np.int64(1), 1), [2, 2])]:
        np.testing.assert_array_equal(ops.conv2d(x, weight, padding=same), one)
    np.testing.assert_array_equal(ops.conv2d(x, weight, padding="valid"), ops.conv2d(x, weight))


def test_an_integer_gives_an_integer_and_a_pair_a_pair():
    assert ops.conv2d_output_size(32, 5) == 28
    assert type(ops.conv2d_output_size(32, 5)) is int
    assert ops.conv2d_output_size((32, 16), (5, 3), (1, 2), ((0, 1), (2, 0))) == (29, 8)


def test_exact_shows_the_formula_and_what_fits():
    with pytest.raises(ShapeError) as caught:
        ops.conv2d_output_size(7, 3, 3, rounding="exact")
    text = str(caught.value)
    assert "(W - K + 2P) / S + 1" in text
    assert "2.33" in text
    for number in ("7", "3", "2", "4", "1"):  # the sizes, the strides 2 and 4, the padding 1
        assert number in text
    assert ops.conv2d_output_size(7, 3, 2, rounding="exact") == 3
    assert ops.conv2d_output_size(7, 3, 3, 1, rounding="exact") == 3


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((0, 3), ShapeError),
        ((7, 0), ShapeError),
        ((7, 3, 0), ShapeError),
        ((7, 3, 1, 0, 0), ShapeError),
        ((7, 3, 1, -1), ShapeError),
        ((7, 8), ShapeError),
        ((7, 3, 1, 0, 4), ShapeError),
        ((7, 3, 1, 0, 2**31), ShapeError),
        ((7, 3, 1, 2**64), ShapeError),
        ((7, 2, 1, 0, 2**31 - 1), ShapeError),
        ((7, 3, 1, (1, 2, 3)), ShapeError),
        (((7, 7, 7), 3), ShapeError),
        (((7, 7), 3, 1, ((1, 2), (3,))), ShapeError),
        (((7, 7), 3, 1, (1, 2, 3, 4)), ShapeError),
        ((7.0, 3), DTypeError),
        ((7, 3, 1.5), DTypeError),
        ((7, 3, True), DTypeError),
        ((7, 3, "2"), DTypeError),
        ((7, 3, None), DTypeError),
        ((7, 3, 1, "Same"), ArgumentError),
        ((7, 3, 1, 0, 1, "round"), ArgumentError),
        (((7, 7), 3, 1, 0, 1, "round"), ArgumentError),
    ],
)
def test_refused(arguments, error):
    with pytest.raises(error):
        ops.conv2d_output_size(*arguments)


def test_the_axis_that_does_not_fit_is_named():
    with pytest.raises(ShapeError, match="width"):
        ops.conv2d(np.zeros((1, 9, 2, 1)), np.zeros((3, 3, 1, 1)))
    with pytest.raises(ShapeError, match="height"):
        ops.conv2d(np.zeros((1, 2, 9, 1)), np.zeros((3, 3, 1, 1)))
