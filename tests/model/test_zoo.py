"""The zoo: parameter counts, shapes, weights only when needed."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.layers import Rescale


@pytest.mark.parametrize(("name", "count"), [("lenet5", 61_706), ("classic", 120_298)])
def test_published_counts(name, count):
    assert cnnrs.zoo.create(name).num_parameters == count


@pytest.mark.parametrize("name", cnnrs.zoo.names())
def test_every_network_predicts_trains_and_comes_back_from_a_file(name, rng, tmp_path):
    model = cnnrs.zoo.create(name, input_shape=(28, 28, 1), num_classes=3, seed=5, class_names=["a", "b", "c"])
    assert not model.arena.allocated
    x = rng.random((6, 28, 28, 1))
    trainer = cnnrs.Trainer(model)
    losses = [trainer.train_step(x, [0, 1, 2, 0, 1, 2]) for _ in range(40)]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.cnnrs")
    assert np.array_equal(cnnrs.load(tmp_path / "model.cnnrs")(x), model(x))


def test_preprocessing_is_part_of_the_model(rng):
    plain, scaled = cnnrs.zoo.create("small"), cnnrs.zoo.create("small", preprocessing=Rescale(1 / 255))
    images = rng.integers(0, 256, (3, 8, 8, 1)).astype(np.uint8)
    np.testing.assert_allclose(scaled(images), plain(images / 255), rtol=1e-4, atol=1e-6)


def test_classes_and_names():
    assert cnnrs.zoo.create("small", class_names=["yes", "no"]).output_shape == (2,)
    for bad in ("lenet6", None, 5):
        with pytest.raises(ArgumentError, match="classic, lenet5, small"):
            cnnrs.zoo.create(bad)
    with pytest.raises(ShapeError, match="4x4x1"):
        cnnrs.zoo.create("lenet5", input_shape=(4, 4, 1))
    with pytest.raises(ArgumentError, match="class_names"):
        cnnrs.zoo.create("small", num_classes=3, class_names=["yes", "no"])
