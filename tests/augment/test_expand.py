"""`augment.expand` and the presets: originals stay, copies are new and repeatable, labels stay
true.
"""

import numpy as np
import pytest

import cnnrs
from cnnrs import augment
from cnnrs.errors import ArgumentError, DTypeError, ShapeError


@pytest.fixture(scope="module")
def digits():
    return cnnrs.datasets.load("digits")


def test_three_times_the_samples_originals_included(digits):
    x, y = digits.x_train[:40], digits.y_train[:40]
    larger = augment.expand((x, y), augment.presets.mnist(), 3, seed=4)
    assert len(larger) == 120
    images, labels = larger.batch(np.arange(120))
    assert images.dtype == np.uint8
    assert np.array_equal(images[:40], x)
    assert np.array_equal(labels, np.tile(y, 3))
    assert np.array_equal(larger.labels, labels)
    for copies in (images[40:80], images[80:]):
        assert (copies != x).any(axis=(1, 2, 3)).mean() > 0.9
    assert not np.array_equal(images[40:80], images[80:])


def test_a_sample_is_the_same_in_any_batch(digits):
    larger = augment.expand(digits.train, augment.presets.mnist(), 2)
    images, _ = larger.batch([3, 1500, 2000, 1440])
    for index, image in zip((3, 1500, 2000, 1440), images, strict=True):
        assert np.array_equal(larger[index][0], image)
    assert larger[-1][1] == digits.y_train[-1]
    with pytest.raises(IndexError):
        larger[2 * 1437]


def test_it_trains(digits):
    model = cnnrs.Sequential(
        (8, 8, 1), [cnnrs.layers.Rescale(1 / 255), cnnrs.layers.Flatten(), cnnrs.layers.Dense(10)]
    )
    trainer = cnnrs.Trainer(model, optimizer=cnnrs.optimizers.SGD(0.1, momentum=0.9))
    trainer.fit(augment.expand(digits.train, augment.presets.mnist(), 2), epochs=2, batch_size=64)
    assert trainer.evaluate(digits.test)["accuracy"] > 0.8


@pytest.mark.parametrize("preset", [augment.presets.mnist(), augment.presets.cifar()])
def test_presets_keep_size_and_dtype(preset):
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    result = preset(images, seed=1)
    assert (result.shape, result.dtype) == (images.shape, images.dtype)


def test_photos_of_any_size_come_out_alike():
    random = np.random.default_rng(0)
    photos = [
        random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for height, width in ((50, 80), (90, 41))
    ]
    assert augment.presets.photos(32)(photos).shape == (2, 32, 32, 3)


def test_digits_are_not_flipped():
    """The left part of the picture stays left: a preset that flips would move it."""
    images = np.zeros((200, 28, 28, 1), np.uint8)
    images[:, 4:24, 4:10] = 255
    moved = augment.presets.mnist()(images, seed=3).astype(float)
    assert (moved[:, :, :14].sum(axis=(1, 2, 3)) > moved[:, :, 14:].sum(axis=(1, 2, 3))).all()


def test_bad_input(digits):
    with pytest.raises(DTypeError, match="transform"):
        augment.expand(digits.train, lambda images, **_: images)
    with pytest.raises(ArgumentError, match="factor"):
        augment.expand(digits.train, augment.presets.mnist(), 0)
    with pytest.raises(ShapeError, match="like the originals"):
        augment.expand(digits.train, augment.Normalize(0.5, 0.5)).batch([1437])

    class Boxes:
        target = "boxes"

        def __len__(self):
            return 1

        def __getitem__(self, index):
            return np.zeros((4, 4, 3), np.uint8), {}

    with pytest.raises(ArgumentError, match="labels"):
        augment.expand(Boxes(), augment.presets.mnist())
