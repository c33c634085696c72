"""Arguments of convolution and its gradients: what is refused, and with which error."""

import numpy as np
import pytest

from cnnrs import ops
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, ShapeError

X, W = np.zeros((1, 8, 8, 4), np.float32), np.zeros((3, 3, 4, 6), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.conv2d(X[0], W), ShapeError, r"x: .*x\[None\]"),
        (lambda: ops.conv2d(X, W[0]), ShapeError, "weight"),
        (lambda: ops.conv2d(X, np.zeros((3, 3, 3, 6))), ShapeError, "depth 3.*4 channels"),
        (lambda: ops.conv2d(X, W, np.zeros(5)), ShapeError, "bias"),
        (lambda: ops.conv2d(X, W, np.zeros((6, 1))), ShapeError, "bias"),
        (lambda: ops.conv2d(X, W, stride=0), ShapeError, "stride"),
        (lambda: ops.conv2d(X, W, stride=(1, 0)), ShapeError, "stride"),
        (lambda: ops.conv2d(X, W, stride=-1), ShapeError, "stride"),
        (lambda: ops.conv2d(X, W, stride=2**40), ShapeError, "stride"),
        (lambda: ops.conv2d(X, W, dilation=2**31 - 1), ShapeError, "kernel"),
        (lambda: ops.conv2d(X, W, dilation=0), ShapeError, "dilation"),
        (lambda: ops.conv2d(X, W, padding=-1), ShapeError, "padding"),
        (lambda: ops.conv2d(X, W, groups=0), ArgumentError, "groups"),
        (
            lambda: ops.conv2d(X, W, groups=3),
            ShapeError,
            "groups: 3 does not divide both 4 input channels",
        ),
        (lambda: ops.conv2d(X, np.zeros((3, 3, 2, 5)), groups=2), ShapeError, "groups"),
        (lambda: ops.conv2d(X, np.zeros((9, 9, 4, 6))), ShapeError, "kernel"),
        (lambda: ops.conv2d(np.zeros((1, 0, 8, 4)), W), ShapeError, "x"),
        (lambda: ops.conv2d(np.zeros((1, 8, 8, 0)), W), ShapeError, "x"),
        (lambda: ops.conv2d(X, np.zeros((3, 3, 4, 0))), ShapeError, "weight"),
        (lambda: ops.conv2d(X, np.zeros((0, 3, 4, 6))), ShapeError, "weight"),
        (lambda: ops.conv2d(X, W, activation="gelu"), ArgumentError, "activation"),
        (lambda: ops.conv2d(X, W, groups=2.0), DTypeError, "groups"),
        (
            lambda: ops.conv2d_max_pool2d(X, np.zeros((8, 3, 4, 6))),
            ShapeError,
            "at least 2 x 2 pixels, got 1 x 6",
        ),
        (
            lambda: ops.conv2d_max_pool2d(X, W, out=np.zeros((1, 6, 6, 6), np.float32)),
            ShapeError,
            "out",
        ),
        (lambda: ops.conv2d(X, W, out=np.zeros((1, 6, 6, 6))), DTypeError, "out"),
        (lambda: ops.conv2d(X, W, out=np.zeros((1, 6, 6, 5), np.float32)), ShapeError, "out"),
        (
            lambda: ops.conv2d_backward_input(np.zeros((1, 6, 6, 5)), W, X.shape),
            ShapeError,
            "grad_output",
        ),
        (
            lambda: ops.conv2d_backward_input(np.zeros((1, 6, 6, 6)), W, (8, 8, 4)),
            ShapeError,
            "input_shape",
        ),
        (
            lambda: ops.conv2d_backward_input(np.zeros((1, 6, 6, 6)), W, (1, 8, 8, -4)),
            ShapeError,
            "input_shape",
        ),
        (
            lambda: ops.conv2d_backward_input(np.zeros((1, 6, 6, 6)), W, (1, 8, 8, 0)),
            ShapeError,
            "input_shape",
        ),
        (
            lambda: ops.conv2d_backward_input(np.zeros((1, 6, 6, 6)), W, 8),
            DTypeError,
            "input_shape",
        ),
        (
            lambda: ops.conv2d_backward_weight(np.zeros((1, 6, 6, 6)), X, 4),
            ShapeError,
            "grad_output",
        ),
        (
            lambda: ops.conv2d_backward_weight(np.zeros((2, 6, 6, 6)), X, 3),
            ShapeError,
            "grad_output",
        ),
        (
            lambda: ops.conv2d_backward_weight(np.zeros((1, 6, 6, 5)), X, 3, groups=2),
            ShapeError,
            "groups",
        ),
        (lambda: ops.conv2d_backward_weight(np.zeros((6, 6, 6)), X, 3), ShapeError, "grad_output"),
        (lambda: ops.conv2d_backward_bias(np.zeros(3)), ShapeError, "grad_output"),
        (
            lambda: ops.conv2d_backward_bias(np.zeros((2, 3)), activation_output=np.zeros((2, 4))),
            ShapeError,
            "activation_output",
        ),
        (
            lambda: ops.conv2d_backward_bias(np.zeros((2, 3)), accumulate=True),
            ArgumentError,
            "accumulate",
        ),
        (lambda: ops.prepare_conv2d_weight(W, (1, 8, 8, 3)), ShapeError, "depth 4"),
        (lambda: ops.conv2d_algorithm((1, 8, 8), W.shape), ShapeError, "input_shape"),
    ],
)
def test_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_an_output_too_large_for_any_memory_is_refused():
    with pytest.raises((ShapeError, MemoryError)):
        ops.conv2d(X, W, padding=2**31 - 1)
    with pytest.raises((ShapeError, MemoryError)):
        ops.conv2d(X, W, padding=2**20)


def test_missing_and_unknown_arguments_stay_type_errors():
    with pytest.raises(TypeError) as caught:
        ops.conv2d(X)
    assert not isinstance(caught.value, CnnrsError)
    with pytest.raises(TypeError):
        ops.conv2d(X, W, strides=2)
