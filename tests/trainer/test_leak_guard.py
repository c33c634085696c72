"""The guard against testing on training images."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, FormatError
from cnnrs.layers import Dense, Input
from cnnrs.optimizers import SGD
from cnnrs.trainer import LeakWarning, Trainer
from cnnrs.trainer.leak_guard import LeakGuard
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
    whole = cnnrs.data.from_arrays(x[:40], y[:40])
    for source in (whole, [(x[:20], y[:20]), (x[20:40], y[20:40])]):
        trainer = Trainer(network(), optimizer=SGD(0.1))
        trainer.fit(source)
        with pytest.warns(LeakWarning, match="10 of these 30"):
            trainer.evaluate(cnnrs.data.from_arrays(x[30:], y[30:]))
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


def test_the_warning_is_shown_at_the_call_of_evaluate(data):
    trainer = Trainer(network())
    trainer.fit(data)
    with pytest.warns(LeakWarning) as caught:
        trainer.evaluate(data)
    assert Path(caught[0].filename) == Path(__file__)


def test_photos_of_several_sizes_are_recognised(rng):
    photos = [rng.integers(0, 256, (6 + k % 3, 7, 1)).astype(np.uint8) for k in range(12)]

    class Photos:
        def __init__(self, indices):
            self.indices = indices

        def __len__(self):
            return len(self.indices)

        def __getitem__(self, index):
            return photos[self.indices[index]], 0

    def crop(x, *, labels, **key):
        return np.stack([photo[:6, :6] for photo in x]), labels

    trainer = Trainer(network())
    trainer.fit(cnnrs.data.Loader(Photos(range(8)), 4, transform=crop))
    assert len(trainer.runtime.leak_guard) == 8
    with pytest.warns(LeakWarning, match="3 of these 7"):
        trainer.evaluate(cnnrs.data.Loader(Photos(range(5, 12)), 4, transform=crop))


# --- the switch -----------------------------------------------------------------------------------
def test_without_the_guard_nothing_is_remembered(data):
    trainer = Trainer(network(), leak_guard=False)
    trainer.fit(data, validation=data)
    assert trainer.runtime.leak_guard is None
    trainer.evaluate(data)
    with pytest.raises(ArgumentError, match="leak_guard=False"):
        trainer.evaluate(data, leak="refuse")


def test_the_guard_changes_no_weights(data):
    weights = []
    for leak_guard in (True, False):
        trainer = Trainer(network(), optimizer=SGD(0.1), leak_guard=leak_guard)
        trainer.fit(data, epochs=2, batch_size=16)
        weights.append(trainer.model.runtime.arena.values)
    assert np.array_equal(*weights)


# --- the array of hashes --------------------------------------------------------------------------
def reference(x):
    """The hash of one image, written out with Python's integers."""
    bits = [int(value) for value in np.asarray(x, np.float32).ravel().view(np.uint32)]
    factors = np.random.Philox(key=0).random_raw(len(bits)).tolist()
    mixed = (bit ^ (bit >> 16) for bit in bits)
    return sum(bit * factor for bit, factor in zip(mixed, factors, strict=True)) % 2**64


def test_hashes_are_those_of_the_formula_and_sorted(rng):
    images = rng.standard_normal((20, 5, 4, 1)).astype(np.float32)
    guard = LeakGuard()
    for start in range(0, 20, 8):
        guard.remember(images[start : start + 8])
    guard.remember(images[:8])
    hashes = guard.state_dict()["hashes"]
    assert hashes.dtype == np.uint64
    assert hashes.tolist() == sorted(reference(image) for image in images)


def test_images_that_differ_in_one_value_have_different_hashes():
    columns, values = np.meshgrid(np.arange(49), np.arange(1, 256))
    images = np.zeros((1 + columns.size, 49), np.uint8)
    images[np.arange(1, len(images)), columns.ravel()] = values.ravel()
    guard = LeakGuard()
    guard.remember(images)
    assert len(guard) == len(images)


def test_many_batches_are_found_again_in_little_memory(rng):
    images = rng.integers(0, 2**31, (200_000, 2)).astype(np.float64)
    guard = LeakGuard()
    tracemalloc.start()
    for start in range(0, len(images), 1000):
        guard.remember(images[start : start + 1000])
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert used < 8 * 2.2 * len(images)  # 8 bytes for each image, and as much waiting
    assert guard.count(images[::7]) == len(images[::7])
    assert guard.count(rng.integers(0, 2**31, (1000, 2))) < 10


def test_an_empty_guard_and_empty_batches(data):
    guard = LeakGuard()
    assert guard.count(data[0]) == len(guard) == 0
    guard.remember(np.zeros((0, 6, 6, 1)))
    guard.remember([])
    assert guard.count(np.zeros((0, 6, 6, 1))) == len(guard) == 0


@pytest.mark.parametrize(
    "state",
    [{}, {"hashes": None}, {"hashes": np.zeros(3)}, {"hashes": np.zeros((2, 2), np.uint64)}],
)
def test_a_state_without_hashes_is_refused(state, data):
    guard = LeakGuard()
    guard.remember(data[0])
    with pytest.raises(FormatError, match="hashes"):
        guard.load_state_dict(state)
    assert guard.count(data[0]) == len(data[0])
