"""Metrics against scikit-learn and by hand."""

import numpy as np
import pytest

from cnnrs import metrics
from cnnrs.errors import ArgumentError, CnnrsError


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_against_scikit_learn(classes, rng):
    sklearn = pytest.importorskip("sklearn.metrics")
    for count in (1, 7, 500):
        truth, scores = rng.integers(0, classes, count), rng.random((count, classes))
        guess = scores.argmax(axis=1)
        labels = range(classes)
        assert metrics.accuracy(truth, guess) == pytest.approx(
            sklearn.accuracy_score(truth, guess), abs=1e-12
        )
        assert np.array_equal(
            metrics.confusion_matrix(truth, guess, num_classes=classes),
            sklearn.confusion_matrix(truth, guess, labels=labels),
        )
        found = metrics.class_scores(truth, guess, num_classes=classes)
        expected = sklearn.precision_recall_fscore_support(
            truth, guess, labels=labels, zero_division=0
        )
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-12)
        if classes > 2:
            for k in (1, 2):
                theirs = sklearn.top_k_accuracy_score(truth, scores, k=k, labels=labels)
                ours = metrics.top_k_accuracy(truth, scores, k=k)
                assert ours == pytest.approx(theirs, abs=1e-12)


def test_top_k_with_ties_takes_the_lower_class_first():
    scores = np.zeros((1, 4))
    assert [metrics.top_k_accuracy([label], scores, k=2) for label in range(4)] == [1, 1, 0, 0]


def test_wilson_interval_of_a_textbook():
    low, high = metrics.wilson_interval(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert metrics.wilson_interval(0, 10)[0] == 0
    assert metrics.wilson_interval(10, 10)[1] == 1
    with pytest.raises(ArgumentError, match="confidence"):
        metrics.wilson_interval(1, 2, confidence=1.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.accuracy([], []),
        lambda: metrics.accuracy([0, 1], [0]),
        lambda: metrics.accuracy([0.5], [0]),
        lambda: metrics.accuracy([-1], [0]),
        lambda: metrics.confusion_matrix([3], [0], num_classes=2),
        lambda: metrics.top_k_accuracy([0], [0.1, 0.9]),
        lambda: metrics.top_k_accuracy([5], [[0.1, 0.9]]),
        lambda: metrics.top_k_accuracy([0], [[0.1, 0.9]], k=0),
        lambda: metrics.get("precision_of_doom"),
    ],
)
def test_bad_arguments(call):
    with pytest.raises(CnnrsError):
        call()


def test_metrics_of_a_trainer():
    name, function = metrics.get("top_5_accuracy")
    assert (name, function(np.array([0, 9]), np.arange(20.0).reshape(2, 10))) == (
        "top_5_accuracy",
        0.5,
    )
    assert metrics.get("accuracy")[1](np.eye(3)[[1, 2]], np.eye(3)[[1, 1]]) == 0.5

    def spread(target, output):
        return float(output.max() - output.min())

    assert metrics.get(spread)[0] == "spread"
