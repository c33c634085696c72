"""The geometry object of a convolution: the same results as with the four arguments."""

import copy
import pickle

import numpy as np
import pytest

import cnnrs
from cnnrs import ops
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

CASES = [
    ((9, 8, 4), (3, 3, 4, 6), {}),
    ((9, 8, 4), (3, 3, 2, 6), {"stride": 2, "padding": 1, "groups": 2}),
    ((11, 7, 3), (3, 2, 3, 5), {"padding": ((0, 1), (2, 0)), "dilation": (2, 1)}),
    ((12, 12, 16), (3, 3, 16, 16), {"padding": "same"}),
    ((7, 7, 8), (1, 1, 8, 8), {"padding": "valid"}),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("sample", "shape", "window"), CASES)
def test_every_pass_takes_a_geometry(rng, sample, shape, window, dtype):
    geometry = ops.Conv2dGeometry(sample, shape, **window)
    x = rng.standard_normal((3, *sample)).astype(dtype)
    weight = rng.standard_normal(shape).astype(dtype)
    bias = rng.standard_normal(shape[3]).astype(dtype)
    y = ops.conv2d(x, weight, bias, **window)
    assert y.shape[1:] == geometry.output_shape
    np.testing.assert_array_equal(ops.conv2d(x, weight, bias, geometry=geometry), y)
    np.testing.assert_array_equal(
        ops.conv2d_max_pool2d(x, weight, bias, geometry=geometry),
        ops.conv2d_max_pool2d(x, weight, bias, **window),
    )
    np.testing.assert_array_equal(
        ops.conv2d_backward_input(y, weight, geometry=geometry),
        ops.conv2d_backward_input(y, weight, x.shape, **window),
    )
    np.testing.assert_array_equal(
        ops.conv2d_backward_weight(y, x, geometry=geometry),
        ops.conv2d_backward_weight(y, x, shape[:2], **window),
    )
    prepared = ops.prepare_conv2d_weight(weight, geometry=geometry)
    np.testing.assert_array_equal(ops.conv2d(x, prepared, bias, geometry=geometry), y)
    np.testing.assert_array_equal(ops.conv2d(x, prepared, bias, **window), y)


@pytest.mark.parametrize(("sample", "shape", "window"), CASES)
def test_a_geometry_can_be_copied_and_pasted(sample, shape, window):
    geometry = ops.Conv2dGeometry(sample, shape, **window)
    pasted = eval(repr(geometry), {"Conv2dGeometry": ops.Conv2dGeometry})
    for other in (copy.deepcopy(geometry), pickle.loads(pickle.dumps(geometry)), pasted):
        assert repr(other) == repr(geometry)
        assert other.output_shape == geometry.output_shape


def test_old_names_say_the_new_ones():
    x, weight = np.ones((1, 4, 4, 1)), (3, 3, 1, 1)
    with pytest.warns(DeprecationWarning, match="average_pool2d"):
        assert ops.avg_pool2d is ops.average_pool2d
    with pytest.warns(DeprecationWarning, match="global_average_pool2d"):
        assert ops.global_avg_pool2d is ops.global_average_pool2d
    with pytest.warns(DeprecationWarning, match="pass_"):
        assert ops.conv2d_algorithm(x.shape, weight, direction="forward") == "direct"
    with pytest.raises(AttributeError, match=r"Conv2dGeometry\.fuses_max_pool"):
        _ = ops.conv2d_pools
    with pytest.raises(AttributeError, match=r"Conv2dGeometry\.scratch"):
        _ = ops.conv2d_scratch
    with pytest.warns(DeprecationWarning, match=r"ops\.set_winograd"):
        assert cnnrs.set_winograd is ops.set_winograd


G = ops.Conv2dGeometry((8, 8, 4), (3, 3, 4, 6))
X, W = np.zeros((1, 8, 8, 4), np.float32), np.zeros((3, 3, 4, 6), np.float32)
Y = np.zeros((1, 6, 6, 6), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.Conv2dGeometry((1, 8, 8, 4), (3, 3, 4, 6)), ShapeError, "input_shape"),
        (lambda: ops.Conv2dGeometry((8, 8, 4), (3, 3, 4)), ShapeError, "weight_shape"),
        (lambda: ops.Conv2dGeometry((8, 8, 4), (3, 3, 5, 6)), ShapeError, "depth 5"),
        (lambda: ops.Conv2dGeometry((8, 8, 4), (9, 3, 4, 6)), ShapeError, "height"),
        (lambda: ops.Conv2dGeometry((8, 8, 4), (3, 3, 4, 6), stride=0), Exception, "stride"),
        (lambda: G.method("sideways"), ArgumentError, "pass_"),
        (lambda: G.scratch("prediction"), ArgumentError, "pass_"),
        (lambda: G.scratch(dtype=np.int32), DTypeError, "dtype"),
        (lambda: ops.conv2d(X, W, geometry=G, stride=2), ArgumentError, "geometry.*stride=2"),
        (lambda: ops.conv2d(X, W, geometry=G, padding="same"), ArgumentError, "geometry"),
        (lambda: ops.conv2d(X, W, geometry=(8, 8)), ArgumentError, "geometry"),
        (lambda: ops.conv2d(X[:, 1:], W, geometry=G), ShapeError, "x"),
        (lambda: ops.conv2d(X, W[:2], geometry=G), ShapeError, "weight"),
        (lambda: ops.conv2d(X, W, W[0, 0, 0, :5], geometry=G), ShapeError, "bias"),
        (lambda: ops.conv2d_backward_input(Y, W, X.shape, geometry=G), ArgumentError, "geometry"),
        (lambda: ops.conv2d_backward_input(Y[:, 1:], W, geometry=G), ShapeError, "grad_output"),
        (lambda: ops.conv2d_backward_input(Y, W, geometry=3), ArgumentError, "geometry"),
        (lambda: ops.conv2d_backward_weight(Y, X, 3, geometry=G), ArgumentError, "geometry"),
        (lambda: ops.conv2d_backward_weight(Y, X[:, 1:], geometry=G), ShapeError, "x"),
        (lambda: ops.conv2d_backward_weight(Y, X, geometry=3), ArgumentError, "geometry"),
        (lambda: ops.conv2d_backward_weight(Y, X), ArgumentError, "kernel_size"),
        (lambda: ops.prepare_conv2d_weight(W), ArgumentError, "input_shape"),
    ],
)
def test_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()
