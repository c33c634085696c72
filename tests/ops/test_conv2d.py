"""Convolution and its gradients against the reference."""

import numpy as np
import pytest

import reference
from cnnrs import ops
from conv2d_cases import CASES, IDS, REFERENCE_CASES, arrays, options


def bound(dtype, case, direction):
    """Largest error of this dtype and algorithm, as max |difference| / max |reference|."""
    if dtype == np.float64:
        return 1e-13
    shape, kernel, filters, _, _, _, groups = case
    algorithm = ops.conv2d_algorithm(
        shape, (*kernel, shape[3] // groups, filters), pass_=direction, **options(case)[0]
    )
    if "winograd" in algorithm:
        return 8e-6 if max(kernel) <= 3 else 1.5e-5
    return 1e-6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", REFERENCE_CASES, ids=IDS)
def test_forward(case, dtype, rng):
    x, weight, bias = arrays(case, rng, dtype)
    window, reference_window = options(case)
    y = ops.conv2d(x, weight, bias, **window)
    assert y.dtype == dtype
    assert reference.error(y, reference.conv2d(x, weight, bias, **reference_window)) <= bound(
        dtype, case, "forward"
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", REFERENCE_CASES, ids=IDS)
def test_gradients(case, dtype, rng):
    x, weight, _ = arrays(case, rng, dtype)
    window, reference_window = options(case)
    grad = rng.standard_normal(ops.conv2d(x, weight, **window).shape).astype(dtype)

    grad_x = ops.conv2d_backward_input(grad, weight, x.shape, **window)
    expected = reference.conv2d_backward_input(grad, weight, x.shape, **reference_window)
    assert grad_x.dtype == dtype
    assert reference.error(grad_x, expected) <= bound(dtype, case, "backward_input")

    grad_weight = ops.conv2d_backward_weight(grad, x, case[1], **window)
    expected = reference.conv2d_backward_weight(grad, x, case[1], **reference_window)
    assert grad_weight.dtype == dtype
    assert reference.error(grad_weight, expected) <= bound(dtype, case, "backward_weight")

    grad_bias = ops.conv2d_backward_bias(grad)
    assert reference.error(grad_bias, np.sum(grad, axis=(0, 1, 2), dtype=np.float64)) <= (
        1e-6 if dtype == np.float32 else 1e-13
    )


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_central_differences(case, rng):
    x, weight, bias = arrays(case, rng)
    window, _ = options(case)
    grad = rng.standard_normal(ops.conv2d(x, weight, bias, **window).shape)

    def loss(x=x, weight=weight, bias=bias):
        return float(np.sum(ops.conv2d(x, weight, bias, **window) * grad))

    assert (
        reference.slope_error(
            lambda v: loss(x=v),
            x,
            ops.conv2d_backward_input(grad, weight, x.shape, **window),
            rng,
            0.1,
        )
        <= 1e-7
    )
    grad_weight = ops.conv2d_backward_weight(grad, x, case[1], **window)
    assert reference.slope_error(lambda v: loss(weight=v), weight, grad_weight, rng, 0.1) <= 1e-7
    assert (
        reference.slope_error(
            lambda v: loss(bias=v), bias, ops.conv2d_backward_bias(grad), rng, 0.1
        )
        <= 1e-7
    )


@pytest.mark.usefixtures("without_winograd")
@pytest.mark.parametrize("case", REFERENCE_CASES, ids=IDS)
def test_integers_come_out_exact(case, rng):
    shape, kernel, filters, _, _, _, groups = case
    x = rng.integers(-8, 9, shape).astype(np.float32)
    weight = rng.integers(-8, 9, (*kernel, shape[3] // groups, filters)).astype(np.float32)
    bias = rng.integers(-8, 9, filters).astype(np.float32)
    window, reference_window = options(case)
    y = ops.conv2d(x, weight, bias, **window)
    np.testing.assert_array_equal(y, reference.conv2d(x, weight, bias, **reference_window))
    grad = rng.integers(-8, 9, y.shape).astype(np.float32)
    np.testing.assert_array_equal(
        ops.conv2d_backward_input(grad, weight, shape, **window),
        reference.conv2d_backward_input(grad, weight, shape, **reference_window),
    )
    np.testing.assert_array_equal(
        ops.conv2d_backward_weight(grad, x, kernel, **window),
        reference.conv2d_backward_weight(grad, x, kernel, **reference_window),
    )
    np.testing.assert_array_equal(ops.conv2d_backward_bias(grad), grad.sum(axis=(0, 1, 2)))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_adjoint_identity(case, rng):
    """<conv(x), g> = <x, conv_backward_input(g)> = <weight, conv_backward_weight(g)>, all three."""
    x, weight, _ = arrays(case, rng)
    window, _ = options(case)
    y = ops.conv2d(x, weight, **window)
    grad = rng.standard_normal(y.shape)
    inner = float(np.vdot(y, grad))
    scale = float(np.linalg.norm(y) * np.linalg.norm(grad))
    assert (
        abs(inner - float(np.vdot(x, ops.conv2d_backward_input(grad, weight, x.shape, **window))))
        <= 1e-13 * scale
    )
    assert (
        abs(inner - float(np.vdot(weight, ops.conv2d_backward_weight(grad, x, case[1], **window))))
        <= 1e-13 * scale
    )


def test_random_geometries(rng):
    checked = 0
    while checked < 60:
        kernel = tuple(int(v) for v in rng.integers(1, 8, 2))
        stride, dilation = (tuple(int(v) for v in rng.integers(1, 4, 2)) for _ in range(2))
        sides = tuple(int(v) for v in rng.integers(0, 4, 4))
        groups = int(rng.integers(1, 4))
        size = tuple(int(v) for v in rng.integers(1, 13, 2))
        case = (
            (int(rng.integers(1, 3)), *size, groups * int(rng.integers(1, 4))),
            kernel,
            groups * int(rng.integers(1, 4)),
        )
        case = (*case, stride, sides, dilation, groups)
        if any(
            dilation[i] * (kernel[i] - 1) + 1 > size[i] + sides[2 * i] + sides[2 * i + 1]
            for i in (0, 1)
        ):
            continue
        x, weight, bias = arrays(case, rng, np.float32)
        window, reference_window = options(case)
        expected = reference.conv2d(x, weight, bias, **reference_window)
        assert reference.error(ops.conv2d(x, weight, bias, **window), expected) <= 1e-5, case
        checked += 1


def test_accumulate_adds(rng):
    x, weight, grad = (
        rng.standard_normal((2, 7, 8, 3)),
        rng.standard_normal((3, 3, 3, 5)),
        rng.standard_normal((2, 5, 6, 5)),
    )
    for function, arguments in [
        (ops.conv2d_backward_input, (grad, weight, x.shape)),
        (ops.conv2d_backward_weight, (grad, x, 3)),
        (ops.conv2d_backward_bias, (grad,)),
    ]:
        once = function(*arguments)
        start = rng.standard_normal(once.shape)
        out = start.copy()
        assert function(*arguments, out=out, accumulate=True) is out
        np.testing.assert_allclose(out, start + once, rtol=0, atol=1e-12)
        assert function(*arguments, out=out) is out
        np.testing.assert_array_equal(out, once)


def test_out_is_used_and_returned(rng):
    x, weight = rng.standard_normal((2, 7, 8, 3)), rng.standard_normal((3, 3, 3, 5))
    out = np.full((2, 5, 6, 5), np.nan)
    assert ops.conv2d(x, weight, out=out) is out
    np.testing.assert_array_equal(out, ops.conv2d(x, weight))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_sample_has_the_same_bits_alone_and_in_a_batch(case, rng):
    shape, *rest = case
    x, weight, bias = arrays(((5, *shape[1:]), *rest), rng, np.float32)
    window, _ = options(case)
    together = ops.conv2d(x, weight, bias, **window)
    for i in range(5):
        np.testing.assert_array_equal(
            ops.conv2d(x[i : i + 1], weight, bias, **window)[0], together[i]
        )


@pytest.mark.usefixtures("without_winograd")
def test_nan_and_infinity_reach_the_outputs_they_enter_and_no_other(rng):
    x = rng.standard_normal((1, 9, 9, 3)).astype(np.float32)
    weight = rng.standard_normal((3, 3, 3, 8)).astype(np.float32)
    for value in (np.nan, np.inf, -np.inf):
        x[0, 4, 4, 1] = value
        finite = np.isfinite(ops.conv2d(x, weight)).all(axis=3)[0]
        expected = np.ones((7, 7), bool)
        expected[2:5, 2:5] = False
        np.testing.assert_array_equal(finite, expected)
        fused = ops.conv2d(x, weight, activation="relu")
        if np.isnan(value):
            assert np.isnan(fused[0, 2:5, 2:5]).all()


def test_no_images_give_no_images():
    x, weight = np.zeros((0, 7, 8, 3), np.float32), np.ones((3, 3, 3, 5), np.float32)
    y = ops.conv2d(x, weight)
    assert y.shape == (0, 5, 6, 5)
    assert ops.conv2d_backward_input(y, weight, x.shape).shape == x.shape
    np.testing.assert_array_equal(ops.conv2d_backward_weight(y, x, 3), np.zeros((3, 3, 3, 5)))
    np.testing.assert_array_equal(ops.conv2d_backward_bias(y), np.zeros(5))


def test_bias_gradient_of_a_dense_layer(rng):
    grad = rng.standard_normal((7, 5))
    np.testing.assert_allclose(ops.conv2d_backward_bias(grad), grad.sum(axis=0), rtol=0, atol=1e-13)
    y = rng.standard_normal((7, 5))
    np.testing.assert_allclose(
        ops.conv2d_backward_bias(grad, activation_output=y),
        (grad * (y > 0)).sum(axis=0),
        rtol=0,
        atol=1e-13,
    )
