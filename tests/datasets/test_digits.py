"""The digits that come with the package, and what every data set gives."""

import hashlib
from importlib import resources

import numpy as np
import pytest

from cnnrs.datasets import Dataset, load, load_digits, names
from cnnrs.errors import ArgumentError, FormatError


@pytest.mark.slow
def test_digits_are_those_of_scikit_learn():
    datasets = pytest.importorskip("sklearn.datasets")
    published = datasets.load_digits()
    with (
        resources.files("cnnrs.datasets").joinpath("digits.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        assert np.array_equal(stored["images"], published.images)
        assert np.array_equal(stored["labels"], published.target)
    digits = load_digits()
    x = np.rint(np.concatenate([digits.x_train, digits.x_test])[..., 0] / 255 * 16)
    y = np.concatenate([digits.y_train, digits.y_test])
    ours = sorted(map(list, np.column_stack([x.reshape(-1, 64), y]).tolist()))
    theirs = sorted(map(list, np.column_stack([published.data, published.target]).tolist()))
    assert ours == theirs


def test_digits_are_small_enough_to_travel_with_their_attribution():
    folder = resources.files("cnnrs.datasets")
    assert len(folder.joinpath("digits.npz").read_bytes()) < 150_000
    source = folder.joinpath("digits_SOURCE.md").read_text(encoding="utf-8")
    for word in ("Alpaydin", "Kaynak", "UCI", "CC BY 4.0"):
        assert word in source


def test_digits_have_the_shape_and_range_of_images():
    digits = load_digits()
    assert digits.x_train.shape == (1437, 8, 8, 1)
    assert digits.x_test.shape == (360, 8, 8, 1)
    assert digits.x_train.dtype == np.uint8
    assert digits.y_train.dtype == np.int64
    assert sorted(set(digits.x_train.ravel().tolist())) == [(255 * k + 8) // 16 for k in range(17)]
    assert digits.image_shape == (8, 8, 1)
    assert digits.num_classes == 10
    assert digits.train[0] is digits.x_train
    assert digits.test[1] is digits.y_test
    assert "Alpaydin" in digits.description
    assert digits.licence == "CC BY 4.0"


def test_split_of_the_digits_is_stratified_and_fixed():
    digits = load_digits()
    shares = np.bincount(digits.y_test) / np.bincount(
        np.concatenate([digits.y_train, digits.y_test])
    )
    assert np.abs(shares - 360 / 1797).max() < 0.006
    # Figures on the digits are comparable only while this stays what it is.
    assert hashlib.sha256(digits.x_test.tobytes()).hexdigest()[:16] == "c4736ef076d5cea5"
    assert np.array_equal(load_digits().x_test, digits.x_test)


def test_load_by_name():
    assert names() == ("digits", "mnist", "fashion-mnist", "cifar10")
    assert load("digits").name == "digits"
    with pytest.raises(ArgumentError, match=r"'mnist'.*got 'MNIST'"):
        load("MNIST")


def make(**changes):
    parts = {
        "name": "toy",
        "x_train": np.zeros((3, 2, 2, 1), np.uint8),
        "y_train": np.array([0, 1, 1]),
        "x_test": np.zeros((1, 2, 2, 1), np.uint8),
        "y_test": np.array([1]),
        "class_names": ("a", "b"),
        "description": "",
        "licence": "",
        "origin": "somewhere",
    }
    return Dataset(**{**parts, **changes})


def test_dataset_refuses_what_does_not_fit():
    assert repr(make()) == "Dataset('toy', 3 training and 1 test images of 2x2x1, 2 classes)"
    for changes, message in (
        ({"y_train": np.array([0, 1])}, "expected 3 training labels, got 2"),
        ({"y_test": np.array([2])}, "expected test labels from 0 to 1, got 2"),
        ({"y_test": np.array([-1])}, "label"),
        (
            {"x_test": np.zeros((0, 2, 2, 1), np.uint8), "y_test": np.zeros(0, np.int64)},
            "expected test images, got none",
        ),
        ({"x_test": np.zeros((1, 2, 3, 1), np.uint8)}, "test images"),
    ):
        with pytest.raises(FormatError, match=f"somewhere.*{message}"):
            make(**changes)
