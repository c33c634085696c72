"""Metrics by name in a trainer: over the whole set, whatever the batches."""

import numpy as np
import pytest

import cnnrs
from cnnrs import metrics, ops
from cnnrs.callbacks import EarlyStopping
from cnnrs.errors import ArgumentError
from cnnrs.layers import Conv2D, Dense, Softmax
from cnnrs.losses import CrossEntropy

NAMES = [
    "accuracy",
    "top_2_accuracy",
    "precision",
    "recall_weighted",
    "f1",
    "f1_micro",
    "roc_auc",
    "average_precision",
    "calibration_error",
]


def direct(name, labels, logits):
    table, guess = ops.softmax(logits.astype(np.float64)), logits.argmax(axis=1)
    return {
        "accuracy": lambda: metrics.accuracy(labels, guess),
        "top_2_accuracy": lambda: metrics.top_k_accuracy(labels, logits, k=2),
        "precision": lambda: metrics.precision(labels, guess),
        "recall_weighted": lambda: metrics.recall(labels, guess, average="weighted"),
        "f1": lambda: metrics.f1(labels, guess),
        "f1_micro": lambda: metrics.accuracy(labels, guess),
        "roc_auc": lambda: metrics.roc_auc(labels, table),
        "average_precision": lambda: metrics.average_precision(labels, table),
        "calibration_error": lambda: metrics.calibration_error(labels, table),
    }[name]()


@pytest.mark.parametrize("batch_size", [7, 50, 1000])
def test_values_are_those_of_the_whole_set(batch_size, rng):
    x, y = rng.standard_normal((120, 4)).astype(np.float32), rng.integers(0, 3, 120)
    model = cnnrs.Sequential((4,), [Dense(3)], seed=1)
    model.layers[0].weight *= 20
    trainer = cnnrs.Trainer(model, metrics=NAMES)
    found = trainer.evaluate((x, y), batch_size=batch_size)
    assert list(found)[:10] == ["loss", *NAMES]
    for name in NAMES:
        assert found[name] == pytest.approx(direct(name, y, model(x)), abs=1e-9), name
    hot = trainer.evaluate((x, np.eye(3)[y]), batch_size=batch_size)
    assert all(hot[name] == found[name] for name in NAMES)


def test_in_fit_and_with_callbacks(rng):
    x, y = rng.standard_normal((60, 4)).astype(np.float32), rng.integers(0, 3, 60)
    trainer = cnnrs.Trainer(cnnrs.Sequential((4,), [Dense(3)]), metrics=["f1", "roc_auc"])
    stopping = EarlyStopping("val_roc_auc")
    history = trainer.fit((x, y), epochs=2, validation=(x, y), callbacks=[stopping])
    assert {"f1", "roc_auc", "val_f1", "val_roc_auc"} <= history.keys()
    assert history["val_roc_auc"][-1] > 0.4


def test_a_model_that_ends_in_softmax_gives_its_probabilities(rng):
    x, y = rng.standard_normal((50, 4)).astype(np.float32), rng.integers(0, 3, 50)
    plain, soft = cnnrs.Sequential((4,), [Dense(3)]), cnnrs.Sequential((4,), [Dense(3), Softmax()])
    names = ["roc_auc", "calibration_error"]
    first = cnnrs.Trainer(plain, metrics=names).evaluate((x, y))
    second = cnnrs.Trainer(soft, "mse", metrics=names).evaluate((x, y))
    assert all(first[name] == pytest.approx(second[name], abs=1e-6) for name in names)


def test_one_output_is_a_logit_of_class_1(rng):
    x, y = rng.standard_normal((50, 4)).astype(np.float32), rng.integers(0, 2, 50)
    model = cnnrs.Sequential((4,), [Dense(1)])
    logits = model(x)[:, 0]
    found = cnnrs.Trainer(
        model, "binary_cross_entropy", metrics=["accuracy", "f1", "roc_auc"]
    ).evaluate((x, y))
    assert found["accuracy"] == metrics.accuracy(y, (logits > 0).astype(int))
    assert found["f1"] == pytest.approx(metrics.f1(y, (logits > 0).astype(int), num_classes=2))
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc(y, logits), abs=1e-12)


def test_dense_predictions_count_by_pixel(rng):
    output, target = rng.standard_normal((2, 4, 4, 3)), rng.integers(0, 3, (2, 4, 4))
    tally = metrics.get("f1")[1].start()
    tally.add(target, output)
    assert tally.result() == pytest.approx(
        metrics.f1(target.reshape(-1), output.argmax(axis=-1).reshape(-1))
    )


def test_what_the_loss_ignores_is_not_judged(rng):
    x, y = rng.standard_normal((9, 4, 4, 2)).astype(np.float32), rng.integers(0, 3, (9, 4, 4))
    y[rng.random(y.shape) < 0.4] = 255
    y[:3] = 255  # a batch of nothing else
    model = cnnrs.Sequential((4, 4, 2), [Conv2D(3, 1)])
    names = ["accuracy", "f1", "roc_auc"]
    trainer = cnnrs.Trainer(model, CrossEntropy(ignore_index=255), metrics=names)
    found = trainer.evaluate((x, y), batch_size=3)
    labels, logits = y[y != 255], model(x)[y != 255]
    assert all(
        found[name] == pytest.approx(direct(name, labels, logits), abs=1e-9) for name in names
    )
    history = trainer.fit((x, y), batch_size=3, validation=(x, y))
    assert 0 <= history["val_f1"][-1] <= 1
    nothing = trainer.evaluate((x[:3], y[:3]), leak="ignore")
    assert all(np.isnan(nothing[name]) for name in names)


def test_unknown_names():
    for name in ("f2", "top_0_accuracy", "f1_harmonic", None):
        with pytest.raises(ArgumentError, match="metrics"):
            metrics.get(name)
