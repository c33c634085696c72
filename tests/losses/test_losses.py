"""Losses against slow references, gradients by differences, targets that do not fit."""

import numpy as np
import pytest

import cnnrs
from cnnrs import losses, ops
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, ShapeError
from cnnrs.layers import Conv2D, Dense, Sigmoid

from . import reference

WEIGHTS = [0.5, 2.0, 1.0, 0.0, 3.0]
SHAPES = pytest.mark.parametrize("shape", [(4, 5), (2, 3, 2, 5)], ids=str)


def soft(rng, shape):
    rows = rng.random(shape)
    rows[..., 0] *= rng.random(shape[:-1]) < 0.5  # some probabilities are 0
    return rows / rows.sum(axis=-1, keepdims=True)


# Each case: the loss, what its targets are, and the reference.
CASES = [
    (losses.CrossEntropy(), "labels", reference.cross_entropy),
    (losses.CrossEntropy(), "soft", reference.cross_entropy),
    (losses.CrossEntropy(0.1), "labels", lambda o, t: reference.cross_entropy(o, t, 0.1)),
    (losses.CrossEntropy(0.1), "soft", lambda o, t: reference.cross_entropy(o, t, 0.1)),
    (
        losses.CrossEntropy(class_weights=WEIGHTS),
        "labels",
        lambda o, t: reference.cross_entropy(o, t, weights=WEIGHTS),
    ),
    (
        losses.CrossEntropy(class_weights=WEIGHTS),
        "soft",
        lambda o, t: reference.cross_entropy(o, t, weights=WEIGHTS),
    ),
    (
        losses.CrossEntropy(0.2, class_weights=WEIGHTS),
        "labels",
        lambda o, t: reference.cross_entropy(o, t, 0.2, WEIGHTS),
    ),
    (
        losses.CrossEntropy(0.2, class_weights=WEIGHTS),
        "soft",
        lambda o, t: reference.cross_entropy(o, t, 0.2, WEIGHTS),
    ),
    (
        losses.CrossEntropy(ignore_index=-1),
        "ignored",
        lambda o, t: reference.cross_entropy(o, t, ignore=-1),
    ),
    (
        losses.CrossEntropy(0.2, class_weights=WEIGHTS, ignore_index=-1),
        "ignored",
        lambda o, t: reference.cross_entropy(o, t, 0.2, WEIGHTS, -1),
    ),
    (losses.Focal(), "labels", lambda o, t: reference.focal(o, t, 2.0)),
    (
        losses.Focal(0.5, class_weights=WEIGHTS, ignore_index=-1),
        "ignored",
        lambda o, t: reference.focal(o, t, 0.5, WEIGHTS, -1),
    ),
    (losses.Focal(0), "labels", reference.cross_entropy),
    (losses.KLDivergence(), "soft", reference.kl_divergence),
    (losses.KLDivergence(), "labels", reference.cross_entropy),
    (losses.MultiClassHinge(), "labels", reference.hinge),
    (
        losses.MultiClassHinge(0.5, squared=True),
        "labels",
        lambda o, t: reference.hinge(o, t, 0.5, True),
    ),
    (losses.BinaryCrossEntropy(), "soft", reference.binary_cross_entropy),
    (
        losses.BinaryCrossEntropy(3.0),
        "soft",
        lambda o, t: reference.binary_cross_entropy(o, t, 3.0),
    ),
    (
        losses.BinaryCrossEntropy(WEIGHTS),
        "hot",
        lambda o, t: reference.binary_cross_entropy(o, t, np.array(WEIGHTS)),
    ),
    (losses.BinaryFocal(), "hot", reference.binary_focal),
    (losses.BinaryFocal(1.5, None), "hot", lambda o, t: reference.binary_focal(o, t, 1.5, None)),
    (losses.Dice(), "hot", reference.dice),
    (losses.Dice(0.1), "soft", lambda o, t: reference.dice(o, t, 0.1)),
    (losses.HalfSumOfSquares(), "soft", lambda o, t: 0.5 * np.sum((o - t) ** 2) / len(o)),
    (losses.MeanSquaredError(), "soft", lambda o, t: np.mean((o - t) ** 2)),
    (losses.MeanAbsoluteError(), "soft", lambda o, t: np.mean(np.abs(o - t))),
    (losses.Huber(), "soft", reference.huber),
    (losses.Huber(0.3), "soft", lambda o, t: reference.huber(o, t, 0.3)),
    (losses.SmoothL1(0.3), "soft", lambda o, t: reference.huber(o, t, 0.3) / 0.3),
]


def target_of(kind, shape, rng):
    if kind == "soft":
        return soft(rng, shape)
    labels = np.array([3, 0, 2, 1, 4, 1, 0, 2, 4, 3, 1, 1])[: int(np.prod(shape[:-1]))].reshape(
        shape[:-1]
    )
    if kind == "hot":
        return np.eye(shape[-1])[labels]
    if kind == "ignored":
        labels = labels.copy()
        labels.reshape(-1)[[1, 2]] = -1
    return labels


@SHAPES
@pytest.mark.parametrize(
    ("loss", "kind", "slow"),
    CASES,
    ids=lambda value: repr(value) if isinstance(value, losses.Loss) else None,
)
def test_value_and_gradient(loss, kind, slow, shape, rng):
    output, target = 2 * rng.standard_normal(shape), target_of(kind, shape, rng)
    assert loss(output, target) == pytest.approx(slow(output, target), rel=1e-11, abs=1e-12)
    gradient = loss.gradient(output, target)
    buffer = np.full(shape, np.nan)
    assert loss.gradient(output, target, buffer) is buffer
    assert np.array_equal(gradient, buffer)
    measured = np.empty(shape)
    for place in np.ndindex(shape):
        moved = output.copy()
        moved[place] += 1e-6
        above = slow(moved, target)
        moved[place] -= 2e-6
        measured[place] = (above - slow(moved, target)) / 2e-6
    np.testing.assert_allclose(gradient, measured, rtol=1e-6, atol=1e-8)
    single = output.astype(np.float32)
    exact = single.astype(np.float64)
    assert loss(single, target) == pytest.approx(slow(exact, target), rel=2e-6, abs=1e-6)
    narrow = loss.gradient(single, target)
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, loss.gradient(exact, target), rtol=1e-5, atol=1e-6)


def test_first_guess_of_the_article_and_one_hot_labels():
    """Ten outputs of 0.1 against a 3."""
    output, hot = np.full((1, 10), 0.1), [[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]]
    assert np.array_equal(ops.one_hot([3], 10), hot)
    loss = losses.HalfSumOfSquares()
    assert loss(output, [3]) == loss(output, hot) == 0.45
    np.testing.assert_array_equal(loss.gradient(output, [3]), output - hot)
    assert losses.MeanSquaredError()(output, [3]) == pytest.approx(0.09, abs=1e-15)
    assert (
        losses.CrossEntropy()(output, [3])
        == losses.CrossEntropy()(output, hot)
        == pytest.approx(2.302585, abs=1e-6)
    )
    for name in ("mse", "mae", "kl_divergence", "huber", "hinge", "focal", "binary_cross_entropy"):
        assert losses.get(name)(output, [3]) == losses.get(name)(output, hot), name


def test_values_by_hand():
    output, target = np.array([[1.0, 2.0], [0.0, 4.0]]), np.array([[1.0, 0.0], [3.0, 4.0]])
    assert losses.HalfSumOfSquares()(output, target) == (2.0 + 4.5) / 2
    assert losses.MeanSquaredError()(output, target) == (4 + 9) / 4
    assert losses.MeanAbsoluteError()(output, target) == 5 / 4
    assert losses.Huber()(output, target) == (1.5 + 2.5) / 4
    assert losses.CrossEntropy()(np.zeros((3, 4)), [0, 1, 2]) == pytest.approx(np.log(4))
    assert losses.MultiClassHinge()(np.array([[2.0, 1.5, 0.0]]), [0]) == pytest.approx(0.5 / 3)


@pytest.mark.parametrize(
    "loss",
    [
        losses.CrossEntropy(),
        losses.Focal(),
        losses.BinaryCrossEntropy(),
        losses.BinaryFocal(),
        losses.Dice(),
    ],
)
def test_huge_logits_do_not_overflow(loss):
    for target in ([1], [0]):
        output = np.array([[1e4, -1e4]])
        assert np.isfinite(loss(output, target))
        assert np.isfinite(loss.gradient(output, target)).all()
    assert losses.CrossEntropy()(np.array([[1e4, -1e4]]), [1]) == 2e4


def test_nothing_but_ignored_samples_cost_nothing():
    for loss in (
        losses.CrossEntropy(ignore_index=9),
        losses.CrossEntropy(0.1, ignore_index=9),
        losses.Focal(ignore_index=9),
    ):
        assert loss(np.ones((2, 3)), [9, 9]) == 0
        np.testing.assert_array_equal(loss.gradient(np.ones((2, 3)), [9, 9]), np.zeros((2, 3)))


def test_the_gradient_of_a_batch_is_the_mean_of_those_of_its_samples(rng):
    for loss, kind, _ in CASES:
        if getattr(loss, "class_weights", None) is None and kind != "ignored":
            output, target = rng.standard_normal((4, 3, 5)), target_of(kind, (4, 3, 5), rng)
            single = np.concatenate(
                [loss.gradient(output[i : i + 1], target[i : i + 1]) / 4 for i in range(4)]
            )
            np.testing.assert_allclose(
                loss.gradient(output, target), single, rtol=1e-12, atol=1e-15, err_msg=repr(loss)
            )


def test_one_output_takes_zeros_and_ones():
    output = np.array([[2.0], [-1.0]])
    for name in ("binary_cross_entropy", "binary_focal", "dice", "mse"):
        loss = losses.get(name)
        assert loss(output, [1, 0]) == loss(output, [[1], [0]]), name
    with pytest.raises(ArgumentError, match=r"2.* at index \(1, 0\)"):
        losses.BinaryCrossEntropy()(output, [1, 2])


def test_dense_prediction_trains(rng):
    model = cnnrs.Sequential((6, 6, 1), [Conv2D(3, 3, padding="same")])
    trainer = cnnrs.Trainer(
        model, losses.CrossEntropy(ignore_index=255), optimizer=cnnrs.optimizers.SGD(0.5)
    )
    x = rng.random((4, 6, 6, 1)).astype(np.float32)
    y = np.digitize(x[..., 0], [1 / 3, 2 / 3])
    y[:, 0] = 255
    first = trainer.train_step(x, y)
    for _ in range(30):
        last = trainer.train_step(x, y)
    assert last < 0.8 * first


def test_a_sigmoid_in_front_of_a_loss_that_has_its_own_is_refused():
    model = cnnrs.Sequential((3,), [Dense(1), Sigmoid()])
    with pytest.raises(ArgumentError, match="Sigmoid"):
        cnnrs.Trainer(model, "binary_cross_entropy")
    cnnrs.Trainer(model, "mse")


def test_names():
    for name in losses._CLASSES:
        assert isinstance(losses.get(name), losses.Loss)
    assert repr(losses.Huber(2.0)) == "Huber(delta=2.0)"
    with pytest.raises(ArgumentError, match="cross_entropy"):
        losses.get("hinge_of_doom")


# --- refused --------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", sorted(losses._CLASSES))
@pytest.mark.parametrize(
    "target",
    [
        [0, 3],
        [0, -1],
        [0.5, 1.0],
        np.zeros((2, 4)),
        [0, 1, 2],
        [["a", "b", "c"]] * 2,
        None,
        [[np.nan, 1, 0]] * 2,
    ],
    ids=str,
)
def test_targets_that_do_not_fit(name, target):
    for call in (losses.get(name), losses.get(name).gradient):
        with pytest.raises(CnnrsError):
            call(np.zeros((2, 3)), target)


DENSE = np.zeros((2, 2, 3))


@pytest.mark.parametrize(
    ("loss", "output", "target", "text"),
    [
        (losses.CrossEntropy(), DENSE[0], [0, 3], "0 to 2, got 3 at index 1"),
        (losses.CrossEntropy(), DENSE, [[0, 1], [5, 0]], r"got 5 at index \(1, 0\)"),
        (
            losses.CrossEntropy(ignore_index=255),
            DENSE,
            [[0, 255], [2, -1]],
            r"or 255.*got -1 at index \(1, 1\)",
        ),
        (
            losses.CrossEntropy(),
            DENSE[0],
            [[0.5, 0.5, 0], [0.7, 0.7, 0]],
            "sum to 1, got 1.4.* at index 1",
        ),
        (
            losses.CrossEntropy(),
            DENSE[0],
            [[0.5, 0.5, 0], [1.5, -0.5, 0]],
            r"not negative, got -0.5 at index \(1, 1\)",
        ),
        (
            losses.CrossEntropy(),
            DENSE[0],
            [[np.nan, 0.5, 0], [1, 0, 0]],
            r"got nan at index \(0, 0\)",
        ),
        (
            losses.KLDivergence(),
            DENSE[0],
            [[0.5, 0.4, 0], [1, 0, 0]],
            "sum to 1, got 0.9 at index 0",
        ),
        (
            losses.MeanSquaredError(),
            DENSE[0],
            [[0.5, 0.5, 0], [1, np.nan, 0]],
            r"finite values, got nan at index \(1, 1\)",
        ),
        (losses.Huber(), DENSE[0], [[0.5, np.inf, 0], [1, 0, 0]], r"got inf at index \(0, 1\)"),
        (
            losses.BinaryCrossEntropy(),
            DENSE[0],
            [[0.5, 1.5, 0], [1, 0, 0]],
            r"from 0 to 1, got 1.5 at index \(0, 1\)",
        ),
        (losses.Focal(), DENSE[0], [[0.5, 0.5, 0], [1, 0, 0]], "one-hot"),
        (losses.MultiClassHinge(), DENSE[0], [[0.5, 0.5, 0], [1, 0, 0]], "one-hot"),
    ],
)
def test_wrong_targets_are_named_with_their_index(loss, output, target, text):
    for call in (loss, loss.gradient):
        with pytest.raises(ArgumentError, match=text):
            call(output, target)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: losses.CrossEntropy(1.5), ArgumentError),
        (lambda: losses.CrossEntropy(class_weights=[1, -1]), ArgumentError),
        (lambda: losses.CrossEntropy(class_weights=[[1, 2]]), ShapeError),
        (lambda: losses.CrossEntropy(class_weights=[1, 2])(DENSE[0], [0, 1]), ShapeError),
        (lambda: losses.CrossEntropy(ignore_index=0.5), DTypeError),
        (lambda: losses.BinaryCrossEntropy([1, 2])(DENSE[0], [0, 1]), ShapeError),
        (lambda: losses.Huber(0), ArgumentError),
        (lambda: losses.Dice(0), ArgumentError),
        (lambda: losses.Focal(-1), ArgumentError),
        (lambda: losses.MultiClassHinge(-1), ArgumentError),
    ],
)
def test_bad_settings(make, error):
    with pytest.raises(error):
        make()
