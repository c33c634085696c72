"""Settings of an update: groups, frozen layers, clipping and constraints."""

import numpy as np
import pytest

from cnnrs import ops
from cnnrs.errors import NonFiniteError
from cnnrs.optimizers import SGD, Adam, Group, Optimizer
from cnnrs.trainer import Trainer
from small_network import network


def change(optimizer, data, **options):
    """Values before and after a step, and the gradient, by name."""
    model = network()
    trainer = Trainer(model, optimizer=optimizer, **options)
    before = model.state_dict()
    trainer.train_step(*data)
    return (
        before,
        model.state_dict(),
        {name: gradient.copy() for name, gradient in model.gradients().items()},
    )


# --- groups ---------------------------------------------------------------------------------------
def test_biases_do_not_decay_unless_asked(data):
    for decays in (False, True):
        before, after, gradient = change(SGD(0.1, weight_decay=0.5, decay_biases=decays), data)
        for name in before:
            decay = 0.5 if decays or name.endswith("weight") else 0.0
            np.testing.assert_allclose(
                after[name],
                before[name] - 0.1 * (gradient[name] + decay * before[name]),
                rtol=1e-12,
            )


def test_groups_by_pattern_and_by_function(data):
    groups = [
        Group("head.*", rate_factor=10, weight_decay=0.0),
        Group(lambda name, parameter: len(parameter.shape) == 4, rate_factor=0.1, l1=0.25),
        Group("*", rate_factor=100),
    ]
    before, after, gradient = change(SGD(0.01, weight_decay=0.5, groups=groups), data)
    for name, start in before.items():
        factor = 10 if name.startswith("head") else 0.1 if name == "conv.weight" else 100
        decay = 0.5 if name in ("conv.weight", "hidden.weight") else 0.0
        penalty = decay * start + (0.25 * np.sign(start) if name == "conv.weight" else 0)
        np.testing.assert_allclose(
            after[name], start - 0.01 * factor * (gradient[name] + penalty), rtol=1e-12
        )


def test_frozen_layers_stay_and_nothing_before_the_first_trainable_one_is_computed(data):
    model = network()
    model.layer("conv").trainable = model.layer("hidden").trainable = False
    trainer = Trainer(model, optimizer=Adam(0.1, weight_decay=0.1))
    before = model.state_dict()
    calls = []
    for layer in model.layers:
        # a layer that is fused with its ReLU is differentiated without its `backward`
        method = "differentiate" if hasattr(layer, "differentiate") else "backward"
        original = getattr(layer, method)

        def recorded(*arguments, layer=layer, original=original, **options):
            calls.append(layer)
            return original(*arguments, **options)

        setattr(layer, method, recorded)
    trainer.train_step(*data)
    assert calls == [model.layer("head")]
    for name, value in model.state_dict().items():
        assert np.array_equal(value, before[name]) == (not name.startswith("head")), name
    model.layer("hidden").trainable = True
    calls.clear()
    trainer.train_step(*data)
    assert calls == [model.layer("head"), model.layer("hidden")]
    assert np.array_equal(model.parameters()["conv.weight"], before["conv.weight"])
    assert not np.array_equal(model.parameters()["hidden.weight"], before["hidden.weight"])


# --- clipping, constraints ------------------------------------------------------------------------
def test_clip_norm_scales_the_whole_gradient(data):
    before, after, gradient = change(SGD(1.0, clip_norm=0.01), data)
    norm = np.sqrt(sum(np.sum(part**2) for part in gradient.values()))
    assert norm > 0.02
    for name in before:
        np.testing.assert_allclose(
            before[name] - after[name], gradient[name] * 0.01 / norm, rtol=1e-8, atol=1e-14
        )
    before, after, gradient = change(SGD(1.0, clip_norm=100.0), data)
    for name in before:
        np.testing.assert_allclose(
            before[name] - after[name], gradient[name], rtol=1e-8, atol=1e-14
        )


def test_clip_value(data):
    before, after, gradient = change(SGD(1.0, clip_value=0.003), data)
    for name in before:
        np.testing.assert_allclose(
            before[name] - after[name],
            np.clip(gradient[name], -0.003, 0.003),
            rtol=1e-8,
            atol=1e-14,
        )


def test_max_norm_holds_each_unit(data):
    before, after, gradient = change(SGD(0.1, max_norm=0.1), data)
    for name in before:
        free = before[name] - 0.1 * gradient[name]
        if name.endswith("weight"):
            norms = np.sqrt(np.sum(free**2, axis=tuple(range(free.ndim - 1))))
            assert norms.max() > 0.1
            free = free * np.minimum(1, 0.1 / norms)
        np.testing.assert_allclose(after[name], free, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("threads", [2, 5])
def test_norms_have_the_same_bits_at_any_number_of_threads(threads, rng, thread_count):
    x = rng.standard_normal(3_000_001).astype(np.float32)
    matrix = rng.standard_normal((5000, 77)).astype(np.float32)

    def results(count):
        ops.set_num_threads(count)
        held = matrix.copy()
        ops.constrain_norm(held, 60.0)
        return ops.norm(x), held

    (one, first), (other, second) = results(1), results(threads)
    assert one == other
    assert np.array_equal(first, second)
    assert one == pytest.approx(np.linalg.norm(x.astype(np.float64)), rel=1e-12)


def test_a_gradient_that_is_not_finite_changes_nothing(data):
    for optimizer in (SGD(0.1), SGD(0.1, clip_norm=1.0)):
        model = network()
        trainer = Trainer(model, optimizer=optimizer)
        trainer.forward(data[0])
        trainer.compute_loss(data[1])
        trainer.backward()
        before = model.state_dict()
        model.gradients()["hidden.weight"][0, 0] = np.nan
        with pytest.raises(NonFiniteError):
            trainer.update()
        assert all(
            np.array_equal(value, before[name]) for name, value in model.state_dict().items()
        )
        assert trainer.runtime.updater.updates == 0


# --- an optimizer of the user ---------------------------------------------------------------------
def test_an_optimizer_in_plain_numpy(data):
    class Signs(Optimizer):
        def update(self, parameter, gradient, state, settings):
            parameter -= settings.learning_rate * np.sign(settings.slope(parameter, gradient))

    before, after, gradient = change(Signs(0.01, l1=10.0), data)
    np.testing.assert_allclose(
        before["head.weight"] - after["head.weight"],
        0.01 * np.sign(before["head.weight"]),
        rtol=1e-10,
    )
    np.testing.assert_allclose(
        before["head.bias"] - after["head.bias"], 0.01 * np.sign(gradient["head.bias"]), rtol=1e-10
    )
