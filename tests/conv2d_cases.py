"""Geometries of convolutions, and their arrays, for the tests of `cnnrs.ops.conv2d`."""

import numpy as np

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
    """Return the window as the ops take it, and as the reference takes it."""
    _, _, _, stride, sides, dilation, groups = case
    window = {"stride": stride, "dilation": dilation, "groups": groups}
    return window | {"padding": (sides[:2], sides[2:])}, window | {"padding": sides}


def arrays(case, rng, dtype=np.float64):
    """Return random images, filters and biases."""
    shape, kernel, filters, _, _, _, groups = case
    x = rng.standard_normal(shape).astype(dtype)
    weight = rng.standard_normal((*kernel, shape[3] // groups, filters)).astype(dtype)
    bias = rng.standard_normal(filters).astype(dtype)
    return x, weight, bias
