"""Layers that normalise samples by themselves."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.layers import GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm

LAYERS = pytest.mark.parametrize(
    "make",
    [
        LayerNorm,
        lambda: GroupNorm(2),
        lambda: InstanceNorm(affine=True),
        lambda: LocalResponseNorm(3, alpha=0.5),
    ],
    ids=["layer", "group", "instance", "response"],
)


@LAYERS
def test_alone_or_in_a_batch_and_in_training_the_same_bits(make, rng):
    x = rng.standard_normal((5, 4, 3, 6)).astype(np.float32)
    model = cnnrs.Sequential((4, 3, 6), [make()])
    together = model(x)
    for n in range(5):
        np.testing.assert_array_equal(model(x[n : n + 1])[0], together[n])
    token, run = model.runtime.acquire(model.runtime.plan_for(training=True), 5)
    np.testing.assert_array_equal(run.forward([x])[0], together)
    model.runtime.release(token)


def test_how_they_relate(rng):
    x = rng.standard_normal((2, 4, 3, 6))

    def run(layer):
        return cnnrs.Sequential((4, 3, 6), [layer], dtype="float64")(x)

    np.testing.assert_allclose(run(GroupNorm(6)), run(InstanceNorm()), atol=1e-14)
    whole = x - x.mean(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(
        run(GroupNorm(1, epsilon=0.5)),
        whole / np.sqrt((whole**2).mean(axis=(1, 2, 3), keepdims=True) + 0.5),
    )
    pixels = cnnrs.Sequential((6,), [LayerNorm()], dtype="float64")(x.reshape(-1, 6)).reshape(
        x.shape
    )
    np.testing.assert_allclose(run(LayerNorm()), pixels, atol=1e-14)


@LAYERS
def test_a_model_with_it_trains_saves_and_loads(make, tmp_path, rng):
    from cnnrs.layers import Conv2D, Dense, Flatten, ReLU

    model = cnnrs.Sequential((6, 6, 1), [Conv2D(4, 3), make(), ReLU(), Flatten(), Dense(2)], seed=0)
    x = rng.standard_normal((16, 6, 6, 1)).astype(np.float32)
    y = (x[:, 0, 0, 0] > 0).astype(np.int64)
    trainer = cnnrs.Trainer(
        model, loss="cross_entropy", optimizer=cnnrs.optimizers.SGD(0.1, momentum=0.9), seed=0
    )
    first = trainer.train_step(x, y)
    for _ in range(30):
        last = trainer.train_step(x, y)
    assert last < first / 2
    model.save(tmp_path / "model.cnnrs")
    np.testing.assert_array_equal(cnnrs.load(tmp_path / "model.cnnrs")(x), model(x))


def test_bad_input():
    with pytest.raises(ShapeError, match="groups: 4 must divide the 6 channels"):
        cnnrs.Sequential((3, 3, 6), [GroupNorm(4)])
    with pytest.raises(ShapeError, match="more than one value in each group"):
        cnnrs.Sequential((1, 1, 6), [InstanceNorm()])
    with pytest.raises(ArgumentError, match="k: expected"):
        LocalResponseNorm(k=0)
    with pytest.raises(ShapeError, match="size"):
        LocalResponseNorm(0)
    with pytest.raises(ArgumentError, match="epsilon"):
        LayerNorm(epsilon=0)
