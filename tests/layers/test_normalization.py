"""Normalisation layers: statistics, frozen mode, and what a model saves of them."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, NonFiniteError, ShapeError
from cnnrs.layers import BatchNorm, Conv2D, Dense, Flatten, ReLU


def train_forward(model, x):
    plan = model.runtime.plan_for(training=True)
    token, run = model.runtime.acquire(plan, len(x))
    try:
        return run.forward([x])[0].copy()
    finally:
        model.runtime.release(token)


def test_the_running_statistics_follow_the_formula(rng):
    layer = BatchNorm(momentum=0.25)
    model = cnnrs.Sequential((3, 2, 5), [layer], dtype="float64")
    mean, variance = np.zeros(5), np.ones(5)
    for _ in range(3):
        x = 2 * rng.standard_normal((4, 3, 2, 5)) + 1
        train_forward(model, x)
        mean = 0.75 * mean + 0.25 * x.mean(axis=(0, 1, 2))
        variance = 0.75 * variance + 0.25 * x.var(axis=(0, 1, 2), ddof=1)
        np.testing.assert_allclose(layer.running_mean, mean, atol=1e-14)
        np.testing.assert_allclose(layer.running_var, variance, atol=1e-14)
    before = layer.running_mean.copy()
    x = rng.standard_normal((2, 3, 2, 5))
    np.testing.assert_allclose(model(x), (x - mean) / np.sqrt(variance + 1e-5), atol=1e-13)
    np.testing.assert_array_equal(
        layer.running_mean, before, "prediction leaves the statistics alone"
    )


def test_momentum_one_is_the_last_batch_and_zero_is_none(rng):
    x = rng.standard_normal((8, 3)).astype(np.float32)
    for momentum in (0, 1):
        layer = BatchNorm(momentum=momentum)
        train_forward(cnnrs.Sequential((3,), [layer]), x)
        np.testing.assert_allclose(layer.running_mean, x.mean(axis=0) * momentum, atol=1e-6)


def test_one_training_step_moves_the_statistics_once(rng):
    layer = BatchNorm(momentum=0.5)
    model = cnnrs.Sequential((4, 4, 1), [Conv2D(3, 3), layer, ReLU(), Flatten(), Dense(2)], seed=1)
    x = rng.standard_normal((6, 4, 4, 1)).astype(np.float32)
    conv = model.layers[0]
    expected = 0.5 * cnnrs.ops.conv2d(x, conv.weight.copy(), conv.bias.copy()).mean(axis=(0, 1, 2))
    trainer = cnnrs.Trainer(
        model, loss="cross_entropy", optimizer=cnnrs.optimizers.SGD(0.1), seed=0
    )
    trainer.train_step(x, np.arange(6) % 2)
    np.testing.assert_allclose(layer.running_mean, expected, atol=1e-6)
    trainer.evaluate((x, np.arange(6) % 2))
    np.testing.assert_allclose(layer.running_mean, expected, atol=1e-6)


def test_a_batch_that_is_not_finite_leaves_no_trace(rng):
    layer = BatchNorm()
    model = cnnrs.Sequential((3,), [layer, Dense(2)])
    trainer = cnnrs.Trainer(
        model, loss="cross_entropy", optimizer=cnnrs.optimizers.SGD(0.1), seed=0
    )
    state = model.state_dict()
    with pytest.raises(NonFiniteError):
        trainer.train_step(np.array([[1, np.nan, 2], [0, 1, 2]], np.float32), [0, 1])
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[name])


def test_a_frozen_layer_uses_and_keeps_its_statistics(rng):
    layer = BatchNorm()
    model = cnnrs.Sequential((3,), [Dense(4), layer, ReLU(), Dense(2)], dtype="float64", seed=3)
    x = rng.standard_normal((5, 3))
    train_forward(model, x)
    layer.trainable = False
    state = {name: value.copy() for name, value in model.state_dict().items()}
    np.testing.assert_allclose(train_forward(model, x), model(x), atol=1e-14)
    trainer = cnnrs.Trainer(
        model, loss="cross_entropy", optimizer=cnnrs.optimizers.SGD(0.1), seed=0
    )
    trainer.train_step(x, [0, 1, 0, 1, 0])
    after = model.state_dict()
    for name in ("weight", "bias", "running_mean", "running_var"):
        np.testing.assert_array_equal(after[f"batch_norm_1.{name}"], state[f"batch_norm_1.{name}"])
    assert (after["dense_1.weight"] != state["dense_1.weight"]).any()
    layer.trainable = True
    train_forward(model, x)
    assert (layer.running_mean != state["batch_norm_1.running_mean"]).any()


def test_the_gradients_of_a_frozen_layer(rng):
    frozen = BatchNorm()
    frozen.trainable = False
    check = cnnrs.testing.check_gradients(frozen, (3, 2, 4))
    assert check.errors["input"] <= check.tolerance, check


def test_a_relu_behind_it_is_fused_with_the_same_values(rng):
    x = rng.standard_normal((4, 3, 3, 8)).astype(np.float32)
    model = cnnrs.Sequential((3, 3, 8), [BatchNorm(), ReLU()])
    assert "relu" in str(model.plan()).lower()
    np.testing.assert_array_equal(
        train_forward(model, x), np.maximum(cnnrs.ops.batch_norm(x)[0], 0)
    )
    single = cnnrs.Sequential((3, 3, 8), [BatchNorm()])
    single.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(model(x), np.maximum(single(x), 0))


def test_names_and_files(tmp_path, rng):
    model = cnnrs.Sequential(
        (4,), [BatchNorm(momentum=0.3, affine=False), BatchNorm(name="second")]
    )
    assert list(model.state_dict()) == [
        "batch_norm_1.running_mean",
        "batch_norm_1.running_var",
        "second.weight",
        "second.bias",
        "second.running_mean",
        "second.running_var",
    ]
    assert model.num_parameters == 8
    train_forward(model, rng.standard_normal((9, 4)).astype(np.float32))
    model.save(tmp_path / "model.cnnrs")
    loaded = cnnrs.load(tmp_path / "model.cnnrs")
    x = rng.standard_normal((3, 4)).astype(np.float32)
    np.testing.assert_array_equal(loaded(x), model(x))
    assert loaded.layers[0].momentum == 0.3


def test_scale_and_shift_are_what_prediction_applies(rng):
    layer = BatchNorm()
    model = cnnrs.Sequential((4,), [layer], dtype="float64")
    for _ in range(2):
        train_forward(model, rng.standard_normal((9, 4)))
    layer.weight[:] = [1, 2, 3, 4]
    x = rng.standard_normal((3, 4))
    scale, shift = layer.scale_and_shift(lambda name: layer.parameters[name].read())
    np.testing.assert_allclose(model(x), x * scale + shift, atol=1e-15)
    layer.bias += 1  # an edit in place is seen
    np.testing.assert_allclose(model(x), x * scale + shift + 1, atol=1e-14)


def test_bad_input(rng):
    with pytest.raises(ArgumentError, match="momentum"):
        BatchNorm(momentum=1.5)
    with pytest.raises(ArgumentError, match="epsilon"):
        BatchNorm(epsilon=0)
    model = cnnrs.Sequential((1, 1, 3), [BatchNorm()])
    with pytest.raises(ShapeError, match=r"batch_norm_1.*more than one value per channel"):
        train_forward(model, rng.standard_normal((1, 1, 1, 3)).astype(np.float32))
    assert model(np.ones((1, 1, 1, 3))).shape == (1, 1, 1, 3)


def test_in_place_behind_a_frozen_layer(rng):
    """Nothing in front is trained, so the plan lets it write over its input; the values stay."""
    model = cnnrs.Sequential(
        (3,), [Dense(4), BatchNorm(affine=False), Dense(2)], dtype="float64", seed=3
    )
    x = rng.standard_normal((5, 3))
    expected = train_forward(model, x)
    model.layers[0].trainable = False
    np.testing.assert_array_equal(train_forward(model, x), expected)


def test_a_step_is_the_same_alone_and_in_place(rng):
    """The gradient written over that of the output is that of the operation."""
    model = cnnrs.Sequential(
        (4, 4, 2), [Conv2D(3, 3), BatchNorm(), ReLU(), Flatten(), Dense(2)], dtype="float64", seed=1
    )
    x = rng.standard_normal((6, 4, 4, 2))
    plan = model.runtime.plan_for(training=True)
    token, run = model.runtime.acquire(plan, len(x))
    y = run.forward([x])[0]
    run.output_gradients()[0][0][...] = cotangent = rng.standard_normal(y.shape)
    run.backward()
    found = {name: value.copy() for name, value in model.gradients().items()}
    model.runtime.release(token)
    conv, norm, _, _, dense = model.layers
    inner = cnnrs.ops.conv2d(x, conv.weight.copy(), conv.bias.copy())
    _, mean, variance = cnnrs.ops.batch_norm(inner)
    grad = (cotangent @ dense.weight.T).reshape(6, 2, 2, 3)
    grads = cnnrs.ops.batch_norm_backward(
        grad, inner, mean, variance, norm.weight.copy(), norm.bias.copy(), activation="relu"
    )
    np.testing.assert_allclose(found["batch_norm_1.weight"], grads[1], atol=1e-12)
    np.testing.assert_allclose(found["batch_norm_1.bias"], grads[2], atol=1e-12)
    np.testing.assert_allclose(
        found["conv2d_1.weight"], cnnrs.ops.conv2d_backward_weight(grads[0], x, 3), atol=1e-12
    )
