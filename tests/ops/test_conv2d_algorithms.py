"""Algorithms of convolution: the choice, prepared filters, and denormal numbers."""

import statistics
import time

import numpy as np
import pytest

from cnnrs import ops
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError
from conv2d_cases import CASES, IDS, arrays, options


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
