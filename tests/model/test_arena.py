"""The arena: one array, 64-byte boundaries, zeros between, nothing before it is needed."""

import threading

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.layers import Conv2D, Dense, Flatten, ReLU


def model(dtype="float32"):
    return cnnrs.Sequential((5, 5, 3), [Conv2D(5, 3), ReLU(), Flatten(), Dense(7)], dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_parameter_starts_on_a_boundary_and_padding_stays_zero(dtype, rng):
    made = model(dtype)
    trainer = cnnrs.Trainer(
        made, optimizer=cnnrs.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.1)
    )
    for _ in range(3):
        trainer.train_step(rng.random((4, 5, 5, 3)), rng.integers(0, 7, 4))
    arena = made.runtime.arena
    used = np.zeros(arena.size, bool)
    for name, value in made.parameters().items():
        assert value.base is not None
        assert value.ctypes.data % 64 == 0, name
        assert made.gradients()[name].ctypes.data % 64 == 0
        start = (value.ctypes.data - arena.values.ctypes.data) // arena.dtype.itemsize
        assert not used[start : start + value.size].any()
        used[start : start + value.size] = True
    assert used.sum() == made.num_parameters == 5 * 27 + 5 + 45 * 7 + 7
    assert not arena.values[~used].any()
    assert not arena.gradients[~used].any()
    assert not trainer.runtime.updater.slots["velocity"][~used].any()


def test_nothing_is_allocated_before_it_is_needed():
    made = model()
    made.summary()
    made.plan()
    assert not made.runtime.arena.allocated
    assert made.runtime.arena._gradients is None
    made(np.zeros((1, 5, 5, 3)))
    assert made.runtime.arena.allocated
    assert made.runtime.arena._gradients is None, "prediction needs no gradients"


def test_what_cannot_fit_is_refused_when_the_model_is_made():
    with pytest.raises(MemoryError, match="GB"):
        cnnrs.Sequential((2_000_000_000,), [Dense(2_000_000)])
    huge = cnnrs.Sequential((2_000_000_000,), [ReLU()])
    assert huge.num_parameters == 0


def test_state_dict_is_a_copy_and_comes_back():
    first, second = (
        model(),
        cnnrs.Sequential((5, 5, 3), [Conv2D(5, 3), ReLU(), Flatten(), Dense(7)], seed=4),
    )
    state = first.state_dict()
    first.layers[0].weight[...] = 0
    assert state["conv2d_1.weight"].any()
    second.load_state_dict(state)
    first.load_state_dict(state)
    assert np.array_equal(first.runtime.arena.values, second.runtime.arena.values)


def test_a_state_that_does_not_fit_changes_nothing():
    made = model()
    before = made.runtime.arena.values.copy()
    good = {name: value + 1 for name, value in made.state_dict().items()}
    missing = {name: value for name, value in good.items() if name != "dense_1.bias"}
    for state, error, word in (
        (missing, ArgumentError, "dense_1.bias"),
        (good | {"dense_9.bias": np.zeros(7)}, ArgumentError, "dense_9.bias"),
        (good | {"dense_1.bias": np.zeros(8)}, ShapeError, "dense_1.bias"),
        (good | {"dense_1.bias": np.full(7, "x")}, DTypeError, "dense_1.bias"),
    ):
        with pytest.raises(error, match=word):
            made.load_state_dict(state)
        assert np.array_equal(made.runtime.arena.values, before)


def test_threads_that_predict_first_all_see_initial_values():
    """The values are made when first needed, by whoever comes first; nobody sees them half made."""
    for seed in range(20):
        network = cnnrs.Sequential((64,), [Dense(64), Dense(3)], seed=seed)
        start, results = threading.Barrier(4), set()

        def work(network=network, start=start, results=results):
            start.wait()
            results.add(network(np.ones((1, 64), np.float32)).tobytes())

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 1
