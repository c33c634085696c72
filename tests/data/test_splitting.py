"""Stratified splits and folds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnrs.data import Subset, from_arrays, split, split_indices, stratified_kfold
from cnnrs.errors import ArgumentError, DTypeError, ShapeError


@given(
    counts=st.lists(st.integers(3, 40), min_size=1, max_size=6),
    fractions=st.sampled_from([(0.5, 0.5), (0.8, 0.1, 0.1), (0.6, None, 0.3), (0.9, 0.1), (1.0,)]),
    seed=st.integers(0, 1000),
)
def test_every_sample_is_in_one_part_and_classes_keep_their_share(counts, fractions, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    parts = split_indices(labels, fractions, seed=seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    for part in parts:
        assert np.array_equal(part, np.sort(part))
        share = len(part) / len(labels)
        for label, count in enumerate(counts):
            assert abs((labels[part] == label).sum() - share * count) < 2


def test_counts_and_rest():
    labels = np.repeat([0, 1], [30, 10])
    train, validation, test = split_indices(labels, (None, 4, 8))
    assert (len(train), len(validation), len(test)) == (28, 4, 8)
    assert (labels[test] == 1).sum() == 2
    assert (labels[validation] == 1).sum() == 1
    assert [len(part) for part in split_indices(labels, (0.5, 0.25, 0.25))] == [20, 10, 10]


def test_seed_fixes_the_split():
    labels = np.arange(200) % 4
    first, again, other = (split_indices(labels, (0.5, 0.5), seed=seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, np.arange(100))


def test_splits_arrays_and_sources_alike():
    x, y = np.arange(20.0).reshape(20, 1), np.arange(20) % 2
    (x_train, y_train), (x_test, y_test) = split((x, y), (15, 5), seed=2)
    train, test = split(from_arrays(x, y), (15, 5), seed=2)
    assert isinstance(train, Subset)
    assert np.array_equal(train.batch(range(15))[0], x_train)
    assert np.array_equal(train.labels, y_train)
    assert np.array_equal(test.batch(range(5))[0], x_test)
    assert np.array_equal(x_test[:, 0] % 2, y_test)


def test_unstratified_split_takes_targets_of_any_kind():
    x, y = np.zeros((10, 1)), np.linspace(0, 1, 10)
    (_, low), (_, high) = split((x, y), (0.7, 0.3), stratify=False)
    assert sorted([*low, *high]) == y.tolist()
    with pytest.raises(DTypeError, match="labels"):
        split_indices(y, (0.7, 0.3))


@pytest.mark.parametrize(
    ("sizes", "error"),
    [
        ((0.5, 0.4), ArgumentError),
        ((0.5, 0.6), ArgumentError),
        ((5, 6), ArgumentError),
        ((5, 4), ArgumentError),
        ((None, None), ArgumentError),
        ((-1, 11), ArgumentError),
        ((0.5, 5), ArgumentError),
        ((float("nan"), 0.5), ArgumentError),
        ((True, 9), DTypeError),
        (("5", 5), DTypeError),
        ((), ArgumentError),
        (0.5, ArgumentError),
    ],
)
def test_sizes_that_do_not_make_the_whole(sizes, error):
    with pytest.raises(error, match=r"sizes|fractions"):
        split_indices(np.zeros(10, dtype=int), sizes)


def test_classes_too_small_to_share():
    with pytest.raises(ArgumentError, match="got 1 of class 1"):
        split_indices([0, 0, 0, 1], (0.5, 0.5))
    with pytest.raises(ArgumentError, match="folds"):
        stratified_kfold([0, 0, 0, 1, 1], 3)
    with pytest.raises(ShapeError):
        split_indices([], (0.5, 0.5))
    with pytest.raises(ArgumentError, match="seed"):
        split_indices([0, 0], (1, 1), seed=-1)


@given(counts=st.lists(st.integers(5, 30), min_size=1, max_size=5), folds=st.integers(2, 5))
def test_folds_are_even_and_disjoint(counts, folds):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    pairs = list(stratified_kfold(labels, folds))
    assert sorted(np.concatenate([validation for _, validation in pairs]).tolist()) == list(
        range(len(labels))
    )
    for train, validation in pairs:
        assert not set(train) & set(validation)
        assert len(train) + len(validation) == len(labels)
    sizes = [len(validation) for _, validation in pairs]
    assert max(sizes) - min(sizes) <= 1
    for label in range(len(counts)):
        per_fold = [(labels[validation] == label).sum() for _, validation in pairs]
        assert max(per_fold) - min(per_fold) <= 1
