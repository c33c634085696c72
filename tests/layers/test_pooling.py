"""Pooling layers on numbers that can be checked by hand."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.layers import AveragePool2D, GlobalAveragePool2D, GlobalMaxPool2D, LpPool2D, MaxPool2D

GRID = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]], dtype=np.float32)[
    None, :, :, None
]


def apply(layer, x):
    return cnnrs.Sequential(x.shape[1:], [layer])(x)


def test_max_pooling_of_the_textbook_grid():
    assert apply(MaxPool2D(2), GRID)[0, :, :, 0].tolist() == [[6, 8], [3, 4]]


def test_overlapping_max_pooling():
    assert apply(MaxPool2D(3, stride=1), GRID)[0, :, :, 0].tolist() == [[7, 8], [7, 8]]


def test_padding_is_never_chosen():
    assert apply(MaxPool2D(2, padding=1), -np.ones((1, 2, 2, 1), np.float32))[
        0, :, :, 0
    ].tolist() == [[-1, -1], [-1, -1]]


def test_average_counts_no_padding_unless_asked_to():
    ones = np.ones((1, 2, 2, 1), np.float32)
    assert (apply(AveragePool2D(2, padding=1), ones) == 1).all()
    assert (apply(AveragePool2D(2, padding=1, count_include_pad=True), ones) == 0.25).all()


def test_lp_pooling():
    x = np.array([[3, 0], [0, 4]], np.float32)[None, :, :, None]
    assert apply(LpPool2D(2), x).item() == 5
    assert apply(LpPool2D(2, p=1), -x).item() == 7


def test_global_pooling():
    assert apply(GlobalAveragePool2D(), GRID).tolist() == [[GRID.mean().item()]]
    assert apply(GlobalMaxPool2D(), GRID).tolist() == [[8]]


@pytest.mark.parametrize(("rounding", "size"), [("floor", 2), ("ceil", 3)])
def test_rounding(rounding, size):
    assert cnnrs.Sequential(
        (7, 7, 2), [MaxPool2D(3, stride=3, rounding=rounding)]
    ).output_shape == (size, size, 2)


def test_exact_rounding_refuses_a_fraction():
    with pytest.raises(ShapeError, match=r"7.*3"):
        cnnrs.Sequential((7, 7, 2), [MaxPool2D(3, stride=3, rounding="exact")])


@pytest.mark.parametrize("kind", [MaxPool2D, AveragePool2D, LpPool2D])
def test_channels_stay_and_padding_is_at_most_half(kind):
    assert cnnrs.Sequential((8, 6, 5), [kind(2)]).output_shape == (4, 3, 5)
    with pytest.raises(ShapeError, match="half"):
        cnnrs.Sequential((8, 6, 5), [kind(3, padding=2)])


def test_bad_arguments():
    with pytest.raises(ShapeError, match="stride"):
        MaxPool2D(2, stride=0)
    with pytest.raises(ArgumentError, match="p"):
        LpPool2D(2, p=0.5)
    with pytest.raises(ShapeError, match="GlobalAveragePool2D"):
        cnnrs.Sequential((8,), [GlobalAveragePool2D()])
