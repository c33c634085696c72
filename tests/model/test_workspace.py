"""The workspace: blocks that are used again, one for each caller, and copies for the user."""

import tracemalloc

import numpy as np

import cnnrs
from cnnrs.layers import Flatten

from .test_plan import classic


def test_no_activation_is_allocated_after_the_second_step(rng):
    model = classic()
    trainer = cnnrs.Trainer(model, optimizer=cnnrs.optimizers.SGD(0.01, momentum=0.9))
    x, y = rng.random((32, 12, 12, 3)).astype(np.float32), rng.integers(0, 10, 32)
    for _ in range(2):
        trainer.train_step(x, y)
        model(x[:7])
    held = model.runtime.held_bytes
    tracemalloc.start()
    trainer.train_step(x, y)
    trainer.train_step(x[:20], y[:20])
    model(x)
    model(x[:7])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert model.runtime.held_bytes == held, (
        "a smaller batch, and prediction, run in the same block"
    )
    assert peak < 12 * 12 * 8 * 32 * 4 / 2, "less than half an activation"


def test_predictions_are_copies(rng):
    model = classic()
    x = rng.random((4, 12, 12, 3))
    first = model(x)
    before = first.copy()
    model(x + 1)
    cnnrs.Trainer(model).train_step(x, [0, 1, 2, 3])
    assert np.array_equal(first, before)
    assert first.flags.owndata
    assert first.flags.writeable


def test_buffers_are_aligned_and_apart():
    model = classic()
    plan = model.runtime.plan_for(training=True)
    token, run = model.runtime.acquire(plan, 5)
    for array in [*run.buffers.values(), *run.gradients.values()]:
        assert array.ctypes.data % 64 == 0
    model.runtime.release(token)


def test_one_block_for_each_caller():
    model = classic()
    plan = model.runtime.plan_for(training=False)
    (first, one), (second, two) = model.runtime.acquire(plan, 2), model.runtime.acquire(plan, 2)
    assert not np.may_share_memory(one.block, two.block)
    model.runtime.release(first)
    third, three = model.runtime.acquire(plan, 2)
    assert three is one
    for token in (second, third):
        model.runtime.release(token)
    assert model.runtime.held_bytes > 0
    model.release_memory()
    assert model.runtime.held_bytes == 0


def test_a_model_that_only_reshapes():
    assert cnnrs.Sequential((2, 3), [Flatten()])(np.arange(6).reshape(1, 2, 3)).tolist() == [
        [0, 1, 2, 3, 4, 5]
    ]
