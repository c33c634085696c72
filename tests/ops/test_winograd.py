"""Winograd's method, forced: errors, bits, and what it does at edges. The truth is the direct
method in float64.
"""

import numpy as np
import pytest

from cnnrs import ops

TILES = ("winograd_2x2", "winograd_4x4")

# (images, height, width, channels, filters, kernel, padding sides)
EDGES = [
    (1, 3, 3, 1, 1, 3, (0, 0, 0, 0)),
    (2, 5, 9, 3, 2, 3, (1, 1, 1, 1)),
    (1, 7, 6, 15, 17, 3, (2, 2, 2, 2)),
    (1, 8, 11, 16, 33, 3, (0, 1, 2, 0)),
    (1, 13, 5, 33, 16, 3, (1, 0, 0, 2)),
    (3, 4, 4, 8, 31, 3, (1, 1, 1, 1)),
    (1, 5, 5, 2, 1, 5, (0, 0, 0, 0)),
    (2, 6, 9, 17, 15, 5, (2, 2, 2, 2)),
    (1, 11, 7, 1, 33, 5, (4, 3, 1, 0)),
    (1, 12, 13, 32, 9, 5, (0, 2, 4, 4)),
    (1, 4, 3, 16, 70, 3, (1, 1, 1, 1)),  # one tile, several panels of filters
]
# Images, size, channels, filters, kernel; "same" padding. From few channels to many, one block of
# tiles to several.
LARGE = [
    (2, 28, 32, 64, 3),
    (5, 15, 128, 128, 3),
    (2, 7, 512, 512, 3),
    (9, 14, 272, 272, 3),
    (2, 32, 32, 32, 5),
    (1, 16, 64, 96, 5),
]


def arrays(n, height, width, channels, filters, kernel, sides, rng):
    """Input, weight, gradient of the output, and the padding as the ops take it."""
    out = (height + sides[0] + sides[1] - kernel + 1, width + sides[2] + sides[3] - kernel + 1)
    x = rng.standard_normal((n, height, width, channels)).astype(np.float32)
    weight = (
        rng.standard_normal((kernel, kernel, channels, filters)) / kernel / channels**0.5
    ).astype(np.float32)
    return (
        x,
        weight,
        rng.standard_normal((n, *out, filters)).astype(np.float32),
        (sides[:2], sides[2:]),
    )


def passes(x, weight, grad, padding, algorithm, **more):
    """Output, gradient of the input, gradient of the weight."""
    kernel = weight.shape[:2]
    return (
        ops.conv2d(x, weight, padding=padding, algorithm=algorithm),
        ops.conv2d_backward_input(
            grad, weight, x.shape, padding=padding, algorithm=algorithm, **more
        ),
        ops.conv2d_backward_weight(grad, x, kernel, padding=padding, algorithm=algorithm, **more),
    )


def exact(x, weight, grad, padding, **more):
    more = {name: value.astype(np.float64) for name, value in more.items()}
    return passes(*(a.astype(np.float64) for a in (x, weight, grad)), padding, "direct", **more)


def error(value, truth):
    return np.abs(value - truth).max() / np.abs(truth).max()


def bound(algorithm, kernel):
    if algorithm == "winograd_4x4":
        return 8e-6 if kernel == 3 else 1.5e-5
    if algorithm == "winograd_2x2":
        # F(2×2, 5×5) has the tiles, and so the error, of F(4×4, 3×3). Without fused multiply-add
        # every product is rounded too.
        return 4e-6 if kernel == 5 else 1.5e-6 if ops.simd_level() == "portable" else 1e-6
    return 1e-6


@pytest.mark.parametrize("case", LARGE, ids=str)
@pytest.mark.parametrize("algorithm", [*TILES, "direct"])
def test_error_against_float64(case, algorithm, rng):
    n, size, channels, filters, kernel = case
    arguments = arrays(n, size, size, channels, filters, kernel, (kernel // 2,) * 4, rng)
    for value, truth in zip(passes(*arguments, algorithm), exact(*arguments), strict=True):
        assert error(value, truth) <= bound(algorithm, kernel)


@pytest.mark.parametrize("case", EDGES, ids=str)
@pytest.mark.parametrize("algorithm", TILES)
def test_any_shape(case, algorithm, rng):
    arguments = arrays(*case, rng)
    gate = rng.standard_normal(arguments[2].shape).astype(np.float32)
    for more in ({}, {"activation_output": gate}):
        # A lone result may be the difference of larger ones: the scale is the scale of the terms.
        scales = exact(*(np.abs(a) for a in arguments[:3]), arguments[3])
        for value, truth, scale in zip(
            passes(*arguments, algorithm, **more), exact(*arguments, **more), scales, strict=True
        ):
            assert np.abs(value - truth).max() <= bound(algorithm, case[5]) * scale.max()


@pytest.mark.parametrize("case", EDGES, ids=str)
@pytest.mark.parametrize("algorithm", TILES)
def test_accumulate_adds_to_what_is_there(case, algorithm, rng):
    x, weight, grad, padding = arrays(*case, rng)
    _, grad_x, grad_weight = passes(x, weight, grad, padding, algorithm)
    start_x, start_weight = np.float32(0.5) * x, np.float32(0.25) * weight
    more = {"padding": padding, "algorithm": algorithm, "accumulate": True}
    sum_x, sum_weight = start_x.copy(), start_weight.copy()
    ops.conv2d_backward_input(grad, weight, x.shape, out=sum_x, **more)
    ops.conv2d_backward_weight(grad, x, weight.shape[:2], out=sum_weight, **more)
    np.testing.assert_array_equal(sum_x, start_x + grad_x)
    np.testing.assert_array_equal(sum_weight, start_weight + grad_weight)


@pytest.mark.parametrize("algorithm", TILES)
@pytest.mark.parametrize(
    "case", [(70, 9, 40, 24, 5), (70, 7, 272, 300, 3), (20, 64, 16, 32, 3)], ids=str
)
def test_alone_in_a_batch_and_prepared_the_same_bits(case, algorithm, rng):
    """Whether filters are transformed on the way or before, tiles by one thread or for all, results
    past the caches or through them.
    """
    n, size, channels, filters, kernel = case
    x, weight, _, padding = arrays(
        n, size, size, channels, filters, kernel, (kernel // 2,) * 4, rng
    )
    bias = rng.standard_normal(filters).astype(np.float32)
    together = ops.conv2d(x, weight, bias, padding=padding, algorithm=algorithm, activation="relu")
    prepared = ops.prepare_conv2d_weight(weight, x.shape, padding=padding, algorithm=algorithm)
    np.testing.assert_array_equal(
        ops.conv2d(x, prepared, bias, padding=padding, activation="relu"), together
    )
    for i in (0, 7, n - 1):
        for filters_of in (weight, prepared):
            how = {"algorithm": algorithm} if filters_of is weight else {}
            alone = ops.conv2d(
                x[i : i + 1], filters_of, bias, padding=padding, activation="relu", **how
            )
            np.testing.assert_array_equal(alone[0], together[i])


@pytest.mark.usefixtures("thread_count")
@pytest.mark.parametrize("algorithm", TILES)
@pytest.mark.parametrize(
    "case", [(9, 31, 24, 40, 3), (4, 14, 256, 130, 3), (7, 17, 20, 33, 5)], ids=str
)
def test_the_same_bits_at_any_thread_count(case, algorithm, rng):
    n, size, channels, filters, kernel = case
    arguments = arrays(n, size, size, channels, filters, kernel, (kernel // 2,) * 4, rng)
    results = []
    for count in (1, 2, 3, 8):
        ops.set_num_threads(count)
        results.append([value.tobytes() for value in passes(*arguments, algorithm)])
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("algorithm", TILES)
def test_nan_reaches_every_output_it_enters_and_stays_in_its_tiles(algorithm, rng):
    x, weight, _, padding = arrays(1, 32, 32, 16, 16, 3, (1,) * 4, rng)
    clean = ops.conv2d(x, weight, padding=padding, algorithm=algorithm, activation="relu")
    x[0, 17, 13, 5] = np.nan
    found = ops.conv2d(x, weight, padding=padding, algorithm=algorithm, activation="relu")
    assert np.isnan(found[0, 16:19, 12:15]).all()
    far = np.ones((32, 32), bool)
    far[12:24, 8:20] = False
    np.testing.assert_array_equal(found[0][far], clean[0][far])


# Images, height, width, channels, filters, padding sides: stride 2.
STRIDED = [
    (2, 56, 56, 64, 128, (1, 1, 1, 1)),
    (9, 14, 14, 256, 512, (1, 1, 1, 1)),
    (2, 8, 8, 512, 512, (1, 1, 1, 1)),
    (1, 3, 3, 1, 1, (0, 0, 0, 0)),
    (2, 9, 13, 15, 17, (0, 1, 0, 1)),
    (3, 6, 7, 33, 31, (2, 2, 2, 2)),
    (6, 119, 120, 64, 64, (1, 1, 1, 1)),  # the gradient of the weights in parts
]


def strided_passes(x, weight, grad, padding, algorithm, gate=None, **more):
    how = {"padding": padding, "stride": 2, "algorithm": algorithm}
    backward = {"activation_output": gate, **how, **more}
    return (
        ops.conv2d(x, weight, **how),
        ops.conv2d_backward_input(grad, weight, x.shape, **backward),
        ops.conv2d_backward_weight(grad, x, (3, 3), **backward),
    )


def strided_arrays(case, rng):
    n, height, width, channels, filters, sides = case
    out = ((height + sides[0] + sides[1] - 3) // 2 + 1, (width + sides[2] + sides[3] - 3) // 2 + 1)
    x = rng.standard_normal((n, height, width, channels)).astype(np.float32)
    weight = (rng.standard_normal((3, 3, channels, filters)) / 3 / channels**0.5).astype(np.float32)
    return (
        x,
        weight,
        rng.standard_normal((n, *out, filters)).astype(np.float32),
        (sides[:2], sides[2:]),
    )


@pytest.mark.parametrize("case", STRIDED, ids=str)
@pytest.mark.slow
def test_stride_two_error_against_float64(case, rng):
    x, weight, grad, padding = strided_arrays(case, rng)
    gate = rng.standard_normal(grad.shape).astype(np.float32)
    values = strided_passes(x, weight, grad, padding, "winograd_stride2", gate)
    truths = strided_passes(
        *(a.astype(np.float64) for a in (x, weight, grad)),
        padding,
        "direct",
        gate.astype(np.float64),
    )
    for value, truth in zip(values, truths, strict=True):
        assert error(value, truth) <= 5e-6


@pytest.mark.parametrize("case", STRIDED[3:6], ids=str)
def test_stride_two_accumulates_what_is_there(case, rng):
    x, weight, grad, padding = strided_arrays(case, rng)
    _, grad_x, grad_weight = strided_passes(x, weight, grad, padding, "winograd_stride2")
    how = {"padding": padding, "stride": 2, "algorithm": "winograd_stride2", "accumulate": True}
    sum_x, sum_weight = x.copy(), weight.copy()
    ops.conv2d_backward_input(grad, weight, x.shape, out=sum_x, **how)
    ops.conv2d_backward_weight(grad, x, (3, 3), out=sum_weight, **how)
    np.testing.assert_array_equal(sum_x, x + grad_x)
    np.testing.assert_array_equal(sum_weight, weight + grad_weight)


@pytest.mark.parametrize(
    "case", [(70, 17, 18, 40, 24, (1, 1, 1, 1)), (40, 7, 9, 272, 300, (0, 1, 0, 1))], ids=str
)
def test_stride_two_alone_in_a_batch_and_prepared_the_same_bits(case, rng):
    x, weight, _, padding = strided_arrays(case, rng)
    bias = rng.standard_normal(weight.shape[3]).astype(np.float32)
    how = {"padding": padding, "stride": 2}
    together = ops.conv2d(x, weight, bias, algorithm="winograd_stride2", activation="relu", **how)
    prepared = ops.prepare_conv2d_weight(weight, x.shape, algorithm="winograd_stride2", **how)
    np.testing.assert_array_equal(ops.conv2d(x, prepared, bias, activation="relu", **how), together)
    for i in (0, 7, len(x) - 1):
        alone = ops.conv2d(x[i : i + 1], prepared, bias, activation="relu", **how)
        np.testing.assert_array_equal(alone[0], together[i])


@pytest.mark.usefixtures("thread_count")
@pytest.mark.parametrize(
    "case", [(9, 31, 30, 24, 40, (1, 1, 1, 1)), (4, 14, 14, 256, 130, (0, 1, 0, 1))], ids=str
)
def test_stride_two_the_same_bits_at_any_thread_count(case, rng):
    arguments = strided_arrays(case, rng)
    results = []
    for count in (1, 2, 3, 8):
        ops.set_num_threads(count)
        results.append(
            [value.tobytes() for value in strided_passes(*arguments, "winograd_stride2")]
        )
    assert all(result == results[0] for result in results)
