"""Averaged scores, rankings and calibration against scikit-learn, with ties, absent classes and
single classes.
"""

import math
import warnings

import numpy as np
import pytest

from cnnrs import metrics
from cnnrs.errors import ArgumentError, CnnrsError, ShapeError


@pytest.fixture(scope="module")
def sklearn():
    """Return `sklearn.metrics`, which takes more than a second to import."""
    return pytest.importorskip("sklearn.metrics")


def quiet(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", None])
@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2, 3], [0, 2, 5]], ids=str)
def test_averaged_scores(average, labels, rng, sklearn):
    """With [0, 2, 5] some classes occur nowhere; in short samples some occur only in the truth or
    only among the predictions.
    """
    for count in (1, 3, 8, 200):
        truth, guess = rng.choice(labels, count), rng.choice(labels, count)
        for mine, theirs in [
            (metrics.precision, sklearn.precision_score),
            (metrics.recall, sklearn.recall_score),
            (metrics.f1, sklearn.f1_score),
        ]:
            # scikit-learn's "binary" classes are what occurs; None compares class by class
            options = {"labels": range(6)} if average is None else {}
            expected = quiet(theirs, truth, guess, average=average, zero_division=0, **options)
            np.testing.assert_allclose(
                mine(truth, guess, average=average, num_classes=6), expected, atol=1e-12
            )


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_binary_rankings(ties, dtype, rng, sklearn):
    for count in (2, 3, 10, 500):
        truth = np.arange(count) % 2
        rng.shuffle(truth)
        scores = (rng.integers(0, 4, count) if ties else rng.standard_normal(count)).astype(dtype)
        table = np.stack([-scores, scores], axis=1)
        for mine, theirs in [
            (metrics.roc_auc, sklearn.roc_auc_score),
            (metrics.average_precision, sklearn.average_precision_score),
        ]:
            expected = theirs(truth, scores)
            assert mine(truth, scores) == pytest.approx(expected, abs=1e-12)
            assert mine(truth, table) == pytest.approx(expected, abs=1e-12)


def test_one_class_against_the_rest(rng, sklearn):
    for count in (30, 400):
        truth = np.arange(count) % 4
        table = rng.random((count, 4)).round(1) + 0.05
        table /= table.sum(axis=1, keepdims=True)
        expected = sklearn.roc_auc_score(truth, table, multi_class="ovr", average="macro")
        assert metrics.roc_auc(truth, table) == pytest.approx(expected, abs=1e-12)
        expected = sklearn.average_precision_score(np.eye(4)[truth], table, average="macro")
        assert metrics.average_precision(truth, table) == pytest.approx(expected, abs=1e-12)
    present = np.where(truth == 2, 1, truth)  # no sample of class 2
    each = [sklearn.roc_auc_score(present == number, table[:, number]) for number in (0, 1, 3)]
    assert metrics.roc_auc(present, table) == pytest.approx(np.mean(each), abs=1e-12)


def test_where_there_is_nothing_to_rank():
    assert math.isnan(metrics.roc_auc([1, 1], [0.1, 0.2]))
    assert math.isnan(metrics.roc_auc([0, 0], [0.1, 0.2]))
    assert math.isnan(metrics.roc_auc([2, 2], [[0, 0, 1], [1, 0, 0]]))
    assert math.isnan(metrics.average_precision([0, 0], [0.1, 0.2]))
    assert metrics.average_precision([1, 1], [0.1, 0.2]) == 1
    assert metrics.roc_auc([0, 1], [0.5, 0.5]) == 0.5


@pytest.mark.parametrize("bins", [1, 7, 15])
def test_calibration(bins, rng, sklearn):
    from sklearn.calibration import calibration_curve

    truth, table = rng.integers(0, 3, 300), rng.dirichlet(np.ones(3), 300)
    table[0] = [1, 0, 0]
    confidence, right = table.max(axis=1), table.argmax(axis=1) == truth
    found = metrics.reliability(truth, table, bins=bins)
    theirs = calibration_curve(right, confidence, n_bins=bins, strategy="uniform")
    np.testing.assert_allclose(found.accuracy[found.size > 0], theirs[0], atol=1e-9)
    np.testing.assert_allclose(found.confidence[found.size > 0], theirs[1], atol=1e-9)
    error = 0.0
    for number in range(bins):
        inside = [i for i in range(300) if min(int(confidence[i] * bins), bins - 1) == number]
        if inside:
            error += len(inside) / 300 * abs(np.mean(confidence[inside]) - np.mean(right[inside]))
    assert metrics.calibration_error(truth, table, bins=bins) == pytest.approx(error, abs=1e-9)


def test_calibration_of_one_probability_is_that_of_two():
    truth, positive = [0, 1, 1, 0], np.array([0.2, 0.9, 0.4, 0.7])
    assert metrics.calibration_error(truth, positive) == metrics.calibration_error(
        truth, np.stack([1 - positive, positive], axis=1)
    )


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: metrics.f1([0], [0], average="mean"), ArgumentError),
        (lambda: metrics.f1([], []), ShapeError),
        (lambda: metrics.roc_auc([], []), ShapeError),
        (lambda: metrics.roc_auc([0, 1], [0.5]), ShapeError),
        (lambda: metrics.roc_auc([0, 2], [0.5, 0.1]), ArgumentError),
        (lambda: metrics.roc_auc([0, 1], [0.5, math.nan]), ArgumentError),
        (lambda: metrics.average_precision([0, 3], [[0.5, 0.2, 0.3]] * 2), ArgumentError),
        (lambda: metrics.calibration_error([0], [[1.5, -0.5]]), ArgumentError),
        (lambda: metrics.calibration_error([0], [[math.nan, 1]]), ArgumentError),
        (lambda: metrics.calibration_error([0, 1], [[0.5, 0.5]]), ShapeError),
        (lambda: metrics.calibration_error([0], [[0.5, 0.5]], bins=0), CnnrsError),
    ],
)
def test_bad_arguments(call, error):
    with pytest.raises(error):
        call()
