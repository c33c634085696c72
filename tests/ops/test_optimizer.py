"""Optimizer steps against the reference and numbers worked out by hand."""

import numpy as np
import pytest

import reference
from cnnrs import ops
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, ShapeError

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def test_one_step_by_hand():
    weight = np.array([1.0, -2.0, 0.5])
    assert ops.sgd_step(weight, np.array([4.0, 0.0, -2.0]), learning_rate=0.25) is None
    np.testing.assert_array_equal(weight, [0.0, -2.0, 1.0])


def test_two_steps_with_momentum_by_hand():
    weight, velocity = np.array([1.0]), np.zeros(1)
    ops.sgd_step(weight, np.array([2.0]), velocity, learning_rate=0.5, momentum=0.5)
    assert (weight[0], velocity[0]) == (0.0, 2.0)
    ops.sgd_step(weight, np.array([1.0]), velocity, learning_rate=0.5, momentum=0.5)
    assert (weight[0], velocity[0]) == (-1.0, 2.0)


@DTYPES
@pytest.mark.parametrize("size", [1, 7, 8, 15, 16, 17, 33, 1000])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"weight_decay": 0.1},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "weight_decay": 0.01},
        {"momentum": 0.9, "weight_decay": 0.01, "nesterov": True},
    ],
    ids=lambda options: "-".join(options) or "plain",
)
def test_steps(options, size, dtype, rng):
    start = rng.standard_normal(size).astype(dtype)
    gradients = [rng.standard_normal(size).astype(dtype) for _ in range(5)]
    weight, velocity = start.copy(), np.zeros(size, dtype)
    for gradient in gradients:
        before = gradient.copy()
        ops.sgd_step(
            weight,
            gradient,
            velocity if "momentum" in options else None,
            learning_rate=0.05,
            **options,
        )
        np.testing.assert_array_equal(gradient, before)
    expected = reference.sgd(start, gradients, 0.05, **options)
    assert reference.error(weight, expected) <= (1e-6 if dtype == np.float32 else 1e-14)


def test_views_of_an_arena_are_updated_in_place(rng):
    arena = rng.standard_normal(64).astype(np.float32)
    before = arena.copy()
    ops.sgd_step(arena[16:48].reshape(4, 8), np.ones((4, 8), np.float32), learning_rate=1.0)
    np.testing.assert_array_equal(arena[16:48], before[16:48] - 1)
    np.testing.assert_array_equal(arena[:16], before[:16])
    np.testing.assert_array_equal(arena[48:], before[48:])


def test_a_bowl_is_descended_below_the_critical_rate_and_climbed_above():
    """On a w^2 / 2 with a = 4 each step multiplies w by 1 - 4 rate."""
    for rate, grows in [(0.49, False), (0.51, True)]:
        weight = np.array([1.0])
        for _ in range(200):
            ops.sgd_step(weight, 4 * weight, learning_rate=rate)
        assert (abs(weight[0]) > 1) == grows
        assert abs(weight[0]) == pytest.approx(abs(1 - 4 * rate) ** 200, rel=1e-9)


def test_refused_and_nothing_updated():
    weight, velocity = np.ones(3), np.zeros(3)
    frozen = np.ones(3)
    frozen.flags.writeable = False
    step = ops.sgd_step
    for call, error, text in [
        (lambda: step(weight, np.ones(4), learning_rate=1), ShapeError, "gradient"),
        (
            lambda: step(weight, np.ones(3), np.zeros(4), learning_rate=1, momentum=0.9),
            ShapeError,
            "velocity",
        ),
        (
            lambda: step(
                weight, np.ones(3), np.zeros(3, np.float32), learning_rate=1, momentum=0.9
            ),
            DTypeError,
            "velocity",
        ),
        (
            lambda: step(weight, np.ones(3), learning_rate=1, momentum=0.9),
            ArgumentError,
            "velocity",
        ),
        (lambda: step(weight, np.ones(3), learning_rate=-1), ArgumentError, "learning_rate"),
        (lambda: step(weight, np.ones(3), learning_rate=np.nan), ArgumentError, "learning_rate"),
        (lambda: step(weight, np.ones(3), learning_rate="1"), DTypeError, "learning_rate"),
        (
            lambda: step(weight, np.ones(3), velocity, learning_rate=1, momentum=1.5),
            ArgumentError,
            "momentum",
        ),
        (
            lambda: step(weight, np.ones(3), velocity, learning_rate=1, weight_decay=-1),
            ArgumentError,
            "weight_decay",
        ),
        (
            lambda: step(weight, np.ones(3), velocity, learning_rate=1, nesterov=True),
            ArgumentError,
            "nesterov",
        ),
        (lambda: step([1.0, 2.0, 3.0], np.ones(3), learning_rate=1), DTypeError, "parameter"),
        (lambda: step(np.ones(3, int), np.ones(3), learning_rate=1), DTypeError, "parameter"),
        (lambda: step(np.ones(6)[::2], np.ones(3), learning_rate=1), ArgumentError, "parameter"),
        (lambda: step(frozen, np.ones(3), learning_rate=1), ArgumentError, "parameter.*read-only"),
        (lambda: step(weight, weight, learning_rate=1), CnnrsError, None),
        (lambda: step(weight, np.ones(3), weight, learning_rate=1, momentum=0.9), CnnrsError, None),
    ]:
        with pytest.raises(error, match=text):
            call()
        np.testing.assert_array_equal(weight, np.ones(3))
        np.testing.assert_array_equal(velocity, np.zeros(3))
    with pytest.raises(TypeError):
        step(weight, np.ones(3))


def test_nothing_to_update():
    ops.sgd_step(np.zeros(0), np.zeros(0), learning_rate=1)
