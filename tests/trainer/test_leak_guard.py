"""The guard against testing on training images."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError
from cnnrs.layers import Dense, Input
from cnnrs.optimizers import SGD
from cnnrs.trainer import LeakWarning, Trainer
from trainer.small import network


def test_testing_on_training_images_is_noticed(data, rng):
    x, y = data
    trainer = Trainer(network(), optimizer=SGD(0.1))
    trainer.fit((x[:40], y[:40]), batch_size=16)
    trainer.evaluate((x[40:], y[40:]))
    with pytest.warns(LeakWarning, match="5 of these 25 images"):
        trainer.evaluate((x[35:], y[35:]))
    with pytest.raises(ArgumentError, match="all of these"):
        trainer.evaluate((x[:40].astype(np.float64), y[:40]), leak="refuse")
    trainer.evaluate((x[:40], y[:40]), leak="ignore")


def test_uint8_and_float_images_are_recognised_as_the_same(rng):
    x = rng.integers(0, 256, (10, 6, 6, 1)).astype(np.uint8)
    trainer = Trainer(network())
    trainer.fit((x, np.zeros(10, int)))
    with pytest.warns(LeakWarning):
        trainer.evaluate((x.astype(np.float32), np.zeros(10, int)))


def test_the_guard_knows_images_before_their_augmentation(data, rng):
    x, y = data
    loader = cnnrs.data.Loader(
        (x[:40], y[:40]),
        16,
        shuffle=True,
        transform=lambda x, *, labels, **key: (x + rng.random(x.shape), labels),
    )
    trainer = Trainer(network(), optimizer=SGD(0.1))
    trainer.fit(loader)
    trainer.evaluate((x[40:], y[40:]))
    with pytest.warns(LeakWarning, match="10 of these 30"):
        trainer.evaluate((x[30:], y[30:]))
    with pytest.warns(LeakWarning, match="all"):
        trainer.evaluate(loader)


def test_the_guard_works_with_data_sets_and_iterables(data):
    x, y = data
    for source in (cnnrs.data.arrays(x[:40], y[:40]), [(x[:20], y[:20]), (x[20:40], y[20:40])]):
        trainer = Trainer(network(), optimizer=SGD(0.1))
        trainer.fit(source)
        with pytest.warns(LeakWarning, match="10 of these 30"):
            trainer.evaluate(cnnrs.data.arrays(x[30:], y[30:]))
        trainer.evaluate([(x[40:50], y[40:50]), (x[50:], y[50:])], leak="refuse")


def test_the_guard_looks_at_all_inputs(rng):
    a, b = Input((3,)), Input((2,))
    model = cnnrs.Model([a, b], Dense(2)(cnnrs.layers.Concat()([a, b])))
    left, right, y = rng.random((8, 3)), rng.random((8, 2)), np.arange(8) % 2
    trainer = Trainer(model)
    trainer.fit(([left, right], y))
    with pytest.warns(LeakWarning, match="all"):
        trainer.evaluate(([left, right], y))
    trainer.evaluate(([left, right + 1], y), leak="refuse")
    trainer.evaluate(([left + 1, right], y), leak="refuse")


def test_the_guard_tells_images_apart_that_differ_a_little(rng):
    from cnnrs.trainer.leak_guard import LeakGuard

    guard = LeakGuard()
    photos = rng.integers(0, 256, (4, 224, 224, 3)).astype(np.uint8)
    guard.remember(photos)
    assert guard.count(photos.astype(np.float64)) == 4
    assert guard.count(photos[:, ::-1]) == guard.count(photos[:, :, ::-1]) == 0
    noisy = np.clip(photos.astype(int) + rng.integers(-1, 2, photos.shape), 0, 255)
    assert guard.count(noisy) == 0
    again = LeakGuard()
    again.load_state_dict(guard.state_dict())
    assert again.count(photos) == 4


def test_validation_on_training_images_is_logged(data, caplog):
    x, y = data
    Trainer(network()).fit((x[:40], y[:40]), epochs=2, validation=(x[30:], y[30:]))
    assert (
        sum("10 of these 30 images were trained on" in record.message for record in caplog.records)
        == 1
    )
