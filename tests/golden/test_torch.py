"""Optimizers, losses and schedules against values of PyTorch, written by `make_torch.py`."""

import json
from pathlib import Path

import numpy as np
import pytest

import cnnrs
from cnnrs import losses, schedules
from cnnrs.layers import Conv2D, Dense, Flatten
from cnnrs.optimizers import SGD, Adagrad, Adam, AdamW, Muon, RMSprop, Settings
from cnnrs.trainer import Trainer

from .inputs import (
    CLASSES,
    EPOCHS,
    FROZEN,
    IMAGE,
    RATE,
    STEPS,
    loss_inputs,
    network_inputs,
    numbers,
)

GOLDEN = json.loads(Path(__file__).with_name("torch.json").read_text())
DECAY = {"weight_decay": 0.1, "decay_biases": True}
RULES = {
    "sgd": SGD(RATE, **DECAY),
    "momentum": SGD(RATE, 0.9, **DECAY),
    "nesterov": SGD(RATE, 0.9, nesterov=True, **DECAY),
    "dampening": SGD(RATE, 0.5, dampening=0.3),
    "rmsprop": RMSprop(RATE, **DECAY),
    "rmsprop_momentum": RMSprop(RATE, 0.9, momentum=0.8),
    "rmsprop_centered": RMSprop(RATE, 0.9, momentum=0.8, centered=True),
    "adagrad": Adagrad(RATE, **DECAY),
    "adagrad_decay": Adagrad(RATE, learning_rate_decay=0.1, initial_value=0.5),
    "adam": Adam(RATE, **DECAY),
    "amsgrad": Adam(RATE, (0.9, 0.9), amsgrad=True),
    "adamw": AdamW(RATE, **DECAY),
    "adamw_amsgrad": AdamW(RATE, (0.9, 0.9), amsgrad=True, **DECAY),
}
WEIGHTS = loss_inputs()["weights"]
LOSSES = {
    "cross_entropy": (losses.CrossEntropy(), "labels"),
    "cross_entropy_soft": (losses.CrossEntropy(), "soft"),
    "cross_entropy_smoothed": (losses.CrossEntropy(0.1), "labels"),
    "cross_entropy_weighted": (losses.CrossEntropy(class_weights=WEIGHTS), "labels"),
    "cross_entropy_ignoring": (losses.CrossEntropy(ignore_index=255), "ignoring"),
    "cross_entropy_all": (
        losses.CrossEntropy(0.1, class_weights=WEIGHTS, ignore_index=255),
        "ignoring",
    ),
    "cross_entropy_soft_weighted": (losses.CrossEntropy(0.1, class_weights=WEIGHTS), "soft"),
    "kl": (losses.KLDivergence(), "soft"),
    "binary": (losses.BinaryCrossEntropy(), "soft"),
    "binary_weighted": (losses.BinaryCrossEntropy(WEIGHTS), "soft"),
    "mse": (losses.MeanSquaredError(), "soft"),
    "mae": (losses.MeanAbsoluteError(), "soft"),
    "huber": (losses.Huber(0.7), "soft"),
    "smooth_l1": (losses.SmoothL1(0.7), "soft"),
    "hinge": (losses.MultiClassHinge(0.5), "labels"),
    "hinge_squared": (losses.MultiClassHinge(squared=True), "labels"),
}
SCHEDULES = {
    "step": schedules.Step(0.4, 3, factor=0.5),
    "multi_step": schedules.MultiStep(0.4, [5, 9], factor=0.3),
    "exponential": schedules.Exponential(0.4, 0.9),
    "cosine": schedules.Cosine(0.4, 0.01),
    "polynomial": schedules.Polynomial(0.4, power=2),
    "restarts": schedules.Restarts(0.4, 3, growth=2, final_rate=0.01),
    "one_cycle": schedules.OneCycle(
        0.4, peak_fraction=0.3, initial_factor=0.1, final_factor=0.1 / 1e4
    ),
}


def test_every_golden_value_is_used():
    assert (
        GOLDEN["rules"].keys() == GOLDEN["networks"].keys() == GOLDEN["late"].keys() == RULES.keys()
    )
    assert GOLDEN["losses"].keys() == LOSSES.keys()
    assert GOLDEN["schedules"].keys() == {*SCHEDULES, "plateau"}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RULES)
def test_fifty_steps_along_given_gradients(name, dtype):
    rule, values = RULES[name], numbers(0, 12).astype(dtype)
    memory = {slot: np.zeros(12, dtype) for slot in rule.slots}
    for step, gradient in enumerate(numbers(1, STEPS, 12).astype(dtype)):
        rule.update(values, gradient, memory, Settings(RATE, rule.weight_decay, step=step))
    np.testing.assert_allclose(
        values, GOLDEN["rules"][name], rtol=0, atol=1e-6 if dtype == np.float32 else 1e-9
    )


@pytest.mark.parametrize("scale", ["original", "match_adamw"])
def test_fifty_steps_of_muon(scale):
    rule, values = Muon(RATE, scale=scale), numbers(2, 3, 5).reshape(-1)
    memory = {slot: np.zeros(15) for slot in rule.slots}
    for step, gradient in enumerate(numbers(3, STEPS, 15)):
        rule.update(values, gradient, memory, Settings(RATE, 0.1, step=step, shape=(3, 5)))
    np.testing.assert_allclose(values, GOLDEN["muon"][scale], rtol=0, atol=1e-9)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("name", RULES)
def test_fifty_steps_of_a_network(name, late):
    """Late: the convolution is frozen for the first steps."""
    layers = [Conv2D(3, 3, activation="relu", name="conv"), Flatten(), Dense(CLASSES, name="dense")]
    model = cnnrs.Sequential(IMAGE, layers, dtype="float64")
    given = network_inputs()
    xs, ys = given.pop("x"), given.pop("y")
    model.load_state_dict(given)
    trainer = Trainer(model, optimizer=RULES[name])
    for step, (x, y) in enumerate(zip(xs, ys, strict=True)):
        model.layer("conv").trainable = not late or step >= FROZEN
        trainer.train_step(x, y)
    state = model.state_dict()
    some = state["conv.weight"].transpose(3, 2, 0, 1)[:, :, 1, 2]
    found = np.concatenate([state["conv.bias"], state["dense.bias"], some.reshape(-1)])
    np.testing.assert_allclose(
        found, GOLDEN["late" if late else "networks"][name], rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_their_gradients(name, dtype):
    loss, target = LOSSES[name]
    given = loss_inputs()
    x, y = given["x"].astype(dtype), given[target]
    value, gradient = GOLDEN["losses"][name][0], np.reshape(GOLDEN["losses"][name][1:], x.shape)
    tolerance = 1e-6 if dtype == np.float32 else 1e-9
    assert loss(x, y) == pytest.approx(value, abs=tolerance)
    np.testing.assert_allclose(loss.gradient(x, y), gradient, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name):
    rates = [SCHEDULES[name](epoch, EPOCHS) for epoch in range(EPOCHS)]
    np.testing.assert_allclose(rates, GOLDEN["schedules"][name], rtol=1e-9, atol=1e-12)


def test_the_plateau():
    schedule = schedules.Plateau(0.4, factor=0.5, patience=2, cooldown=1, min_rate=1e-3)
    rates = []
    for value in numbers(40, 40):
        schedule.observe({"val_loss": float(value)})
        rates.append(schedule(0, 1))
    np.testing.assert_allclose(rates, GOLDEN["schedules"]["plateau"], rtol=1e-9)
    assert len(set(rates)) > 3
