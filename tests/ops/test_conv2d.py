"""Convolution and its gradients against the reference."""

import statistics
import time

import numpy as np
import pytest

import reference
from cnnrs import ops
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, ShapeError
from subset import rest_is_slow

# (input shape, kernel, filters, stride, padding sides, dilation, groups)
CASES = [
    ((1, 7, 7, 1), (3, 3), 1, (1, 1), (0, 0, 0, 0), (1, 1), 1),
    ((2, 8, 9, 3), (5, 5), 7, (1, 1), (2, 2, 2, 2), (1, 1), 1),
    ((3, 1, 9, 4), (1, 3), 8, (1, 1), (0, 0, 1, 1), (1, 1), 1),
    ((1, 9, 1, 2), (3, 1), 9, (2, 1), (1, 0, 0, 0), (1, 1), 1),
    ((1, 1, 1, 17), (1, 1), 33, (1, 1), (0, 0, 0, 0), (1, 1), 1),
    ((1, 15, 16, 8), (3, 3), 16, (1, 1), (1, 1, 1, 1), (1, 1), 1),
    ((1, 17, 31, 15), (3, 3), 17, (1, 1), (1, 1, 1, 1), (1, 1), 1),
    ((1, 33, 15, 16), (3, 3), 31, (1, 1), (1, 1, 1, 1), (1, 1), 1),
    ((1, 16, 17, 9), (5, 5), 33, (1, 1), (2, 2, 2, 2), (1, 1), 1),
    ((1, 8, 7, 33), (3, 3), 7, (1, 1), (0, 0, 0, 0), (1, 1), 1),
    ((2, 9, 8, 31), (1, 1), 15, (1, 1), (0, 0, 0, 0), (1, 1), 1),
    ((1, 31, 33, 3), (7, 7), 16, (2, 2), (3, 3, 3, 3), (1, 1), 1),
    ((2, 15, 17, 5), (3, 3), 9, (2, 2), (1, 1, 1, 1), (1, 1), 1),
    ((2, 15, 16, 7), (2, 2), 8, (3, 3), (0, 0, 0, 0), (1, 1), 1),
    ((1, 17, 16, 4), (2, 3), 8, (5, 4), (1, 1, 0, 2), (1, 1), 1),
    ((1, 16, 15, 6), (3, 3), 8, (1, 1), (2, 2, 2, 2), (2, 2), 1),
    ((1, 17, 9, 3), (3, 2), 5, (2, 1), (1, 3, 0, 2), (3, 4), 1),
    ((2, 9, 9, 8), (3, 3), 8, (1, 1), (1, 1, 1, 1), (1, 1), 8),
    ((1, 16, 15, 17), (3, 3), 17, (2, 2), (1, 1, 1, 1), (1, 1), 17),
    ((1, 9, 8, 33), (5, 5), 33, (1, 1), (2, 2, 2, 2), (1, 1), 33),
    ((1, 8, 8, 6), (3, 3), 12, (1, 1), (1, 1, 1, 1), (1, 1), 6),
    ((2, 7, 8, 8), (3, 3), 12, (1, 2), (1, 0, 2, 1), (1, 1), 4),
    ((1, 9, 9, 32), (3, 3), 32, (1, 1), (1, 1, 1, 1), (2, 2), 2),
    ((1, 7, 7, 2), (7, 7), 3, (1, 1), (6, 6, 6, 6), (1, 1), 1),
    ((1, 3, 3, 2), (3, 3), 3, (4, 4), (5, 5, 5, 5), (1, 1), 1),
    ((1, 4, 6, 64), (3, 3), 64, (1, 1), (1, 1, 1, 1), (1, 1), 1),
    ((2, 12, 44, 1), (5, 5), 6, (1, 1), (2, 2, 2, 2), (1, 1), 1),
    ((1, 21, 45, 3), (7, 7), 18, (2, 2), (3, 3, 3, 3), (1, 1), 1),
    ((1, 7, 40, 31), (3, 5), 31, (2, 1), (1, 1, 2, 2), (1, 2), 31),
    ((19, 9, 18, 2), (5, 5), 6, (1, 1), (2, 2, 2, 2), (1, 1), 1),
    ((16, 8, 11, 3), (3, 3), 5, (1, 1), (0, 0, 0, 0), (1, 1), 1),
]
IDS = [
    f"{case[0]}k{case[1]}f{case[2]}s{case[3]}p{case[4]}d{case[5]}g{case[6]}".replace(" ", "")
    for case in CASES
]

# The slow loops of the reference take longest on these: they are left out by default.
LARGE = [CASES[i] for i in (19, 28, 29)]
REFERENCE_CASES = rest_is_slow(CASES, [case for case in CASES if case not in LARGE])


def options(case):
    """The window as the ops take it, and as the reference takes it."""
    _, _, _, stride, sides, dilation, groups = case
    window = {"stride": stride, "dilation": dilation, "groups": groups}
    return window | {"padding": (sides[:2], sides[2:])}, window | {"padding": sides}


def arrays(case, rng, dtype=np.float64):
    shape, kernel, filters, _, _, _, groups = case
    x = rng.standard_normal(shape).astype(dtype)
    weight = rng.standard_normal((*kernel, shape[3] // groups, filters)).astype(dtype)
    bias = rng.standard_normal(filters).astype(dtype)
    return x, weight, bias


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fused_relu_and_its_gradients(dtype, rng):
    case = ((2, 9, 10, 8), (3, 3), 16, (1, 1), (1, 1, 1, 1), (1, 1), 1)
    x, weight, bias = arrays(case, rng, dtype)
    plain = ops.conv2d(x, weight, bias, padding=1)
    y = ops.conv2d(x, weight, bias, padding=1, activation="relu")
    np.testing.assert_array_equal(y, np.maximum(plain, 0))
    assert (y == 0).any()
    assert (y > 0).any()
    grad = rng.standard_normal(y.shape).astype(dtype)
    masked = np.where(y > 0, grad, 0).astype(dtype)
    for fused, apart in [
        (
            ops.conv2d_backward_input(grad, weight, x.shape, padding=1, activation_output=y),
            ops.conv2d_backward_input(masked, weight, x.shape, padding=1),
        ),
        (
            ops.conv2d_backward_weight(grad, x, 3, padding=1, activation_output=y),
            ops.conv2d_backward_weight(masked, x, 3, padding=1),
        ),
        (ops.conv2d_backward_bias(grad, activation_output=y), ops.conv2d_backward_bias(masked)),
    ]:
        assert reference.error(fused, apart) <= (1e-6 if dtype == np.float32 else 1e-14)


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


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_prepared_weight_gives_the_same_bits(case, rng):
    x, weight, bias = arrays(case, rng, np.float32)
    window, _ = options(case)
    prepared = ops.prepare_conv2d_weight(weight, x.shape, **window)
    assert prepared.shape == weight.shape
    assert prepared.nbytes > 0
    assert prepared.algorithm
    expected = ops.conv2d(x, weight, bias, activation="relu", **window)
    weight[...] = np.nan
    np.testing.assert_array_equal(
        ops.conv2d(x, prepared, bias, activation="relu", **window), expected
    )


def test_prepared_weight_is_refused_where_it_does_not_belong(rng):
    weight = rng.standard_normal((3, 3, 4, 8)).astype(np.float32)
    prepared = ops.prepare_conv2d_weight(weight, (1, 9, 9, 4), padding=1)
    with pytest.raises(CnnrsError, match="depth 4"):
        ops.conv2d(np.zeros((1, 9, 9, 5), np.float32), prepared, padding=1)
    with pytest.raises(CnnrsError):
        ops.conv2d(np.zeros((1, 9, 9, 4), np.float64), prepared, padding=1)
    with pytest.raises(DTypeError, match="weight"):
        ops.conv2d_backward_input(
            np.zeros((1, 9, 9, 8), np.float32), prepared, (1, 9, 9, 4), padding=1
        )


def test_shapes_get_the_kernel_made_for_them():
    depthwise = {"padding": 1, "groups": 32}
    for direction in ("forward", "backward_input", "backward_weight"):
        assert (
            ops.conv2d_algorithm((1, 14, 14, 32), (3, 3, 1, 32), pass_=direction, **depthwise)
            == "depthwise"
        )
    assert (
        ops.conv2d_algorithm((1, 28, 28, 1), (5, 5, 1, 6), pass_="backward_weight")
        == "few_channels"
    )
    assert ops.conv2d_algorithm((1, 28, 28, 1), (5, 5, 1, 6)) == "few_channels"
    assert ops.conv2d_algorithm((1, 224, 224, 3), (7, 7, 3, 64), stride=2, padding=3) == "direct"
    assert (
        ops.conv2d_algorithm(
            (1, 224, 224, 3), (7, 7, 3, 64), stride=2, padding=3, pass_="backward_input"
        )
        == "few_channels"
    )
    with pytest.raises(ArgumentError, match="few_channels"):
        ops.conv2d(
            np.zeros((1, 9, 9, 2), np.float32),
            np.zeros((3, 3, 2, 2), np.float32),
            stride=2,
            algorithm="few_channels",
        )


def test_the_algorithm_can_be_asked_and_forced(rng):
    case = CASES[5]
    x, weight, _ = arrays(case, rng, np.float32)
    window, _ = options(case)
    grad = rng.standard_normal(ops.conv2d(x, weight, **window).shape).astype(np.float32)
    calls = {
        "forward": lambda **options: ops.conv2d(x, weight, **options),
        "backward_input": lambda **options: ops.conv2d_backward_input(
            grad, weight, x.shape, **options
        ),
        "backward_weight": lambda **options: ops.conv2d_backward_weight(
            grad, x, weight.shape[:2], **options
        ),
    }
    for direction, call in calls.items():
        name = ops.conv2d_algorithm(x.shape, weight.shape, pass_=direction, **window)
        np.testing.assert_array_equal(call(algorithm=name, **window), call(**window))
    with pytest.raises(ArgumentError):
        ops.conv2d(x, weight, algorithm="no such algorithm", **window)
    with pytest.raises(ArgumentError, match="pass_"):
        ops.conv2d_algorithm(x.shape, weight.shape, pass_="sideways")


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


def test_denormals_do_not_leak(rng):
    tiny = np.full((1, 16, 16, 16), 1e-40, np.float32)
    y = ops.conv2d(tiny, np.ones((3, 3, 16, 16), np.float32))
    kept = y[y != 0]  # denormals are flushed to zero, or are summed: never anything else
    np.testing.assert_allclose(kept, 144e-40, rtol=1e-4)
    half = np.float32(1e-40) * np.float32(0.5)
    assert half > 0, "the caller's floating-point state must be restored"


@pytest.mark.timing
@pytest.mark.parametrize("algorithm", ["direct", "winograd_4x4"])
def test_denormals_are_not_slow(algorithm, rng):
    x, weight = (
        rng.standard_normal((8, 14, 14, 32)).astype(np.float32),
        rng.standard_normal((3, 3, 32, 32)).astype(np.float32),
    )
    out = np.empty_like(x)

    def seconds(x, weight):
        start = time.perf_counter()
        ops.conv2d(x, weight, padding=1, algorithm=algorithm, out=out)
        return time.perf_counter() - start

    tiny = np.full_like(x, 1e-40), np.full_like(weight, 1e-40)

    def ratio():
        return statistics.median(seconds(*tiny) / seconds(x, weight) for _ in range(15))

    # Another process may disturb a round; denormals that are not flushed would be slow in all.
    assert min(ratio() for _ in range(5)) <= 1.2


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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("algorithm", [None, "direct", "few_channels"])
@pytest.mark.parametrize("shape", [(37, 13, 18, 1), (16, 9, 8, 3), (3, 8, 9, 20), (0, 8, 8, 2)])
def test_fused_pooling_equals_pooling_afterwards(rng, shape, algorithm, dtype):
    x, weight, bias = (
        rng.standard_normal(size).astype(dtype) for size in (shape, (3, 3, shape[3], 6), 6)
    )
    x[:1, 2, 3] = np.nan
    for activation in (None, "relu"):
        options = {"padding": 1, "activation": activation, "algorithm": algorithm}
        expected, _ = ops.max_pool2d(ops.conv2d(x, weight, bias, **options), 2)
        np.testing.assert_array_equal(ops.conv2d_max_pool2d(x, weight, bias, **options), expected)


@pytest.mark.parametrize("algorithm", [None, "direct", "few_channels"])
@pytest.mark.parametrize("shape", [(19, 9, 18, 2), (3, 12, 11, 6)])
def test_the_gradient_of_the_bias_comes_along(rng, shape, algorithm):
    x, gradient, mask = (
        rng.standard_normal(size) for size in (shape, (*shape[:3], 6), (*shape[:3], 6))
    )
    bias = np.ones(6)
    for accumulate in (False, True):
        weight = np.zeros((3, 3, shape[3], 6))
        options = {"padding": 1, "activation_output": mask, "algorithm": algorithm}
        before = bias * accumulate
        ops.conv2d_backward_weight(
            gradient, x, 3, **options, out=weight, bias_out=bias, accumulate=accumulate
        )
        np.testing.assert_allclose(
            bias,
            before + ops.conv2d_backward_bias(gradient, activation_output=mask),
            rtol=1e-12,
            atol=1e-12,
        )
        np.testing.assert_array_equal(weight, ops.conv2d_backward_weight(gradient, x, 3, **options))
    with pytest.raises(ShapeError, match="bias_out"):
        ops.conv2d_backward_weight(gradient, x, 3, padding=1, bias_out=np.zeros(5))
