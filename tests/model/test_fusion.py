"""The rules of fusion: each fused layer does what the two layers do, and only where it should."""

import numpy as np
import pytest

import cnnrs
from cnnrs.layers import (
    Add,
    BatchNorm,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    MaxPool2D,
    ReLU,
    SeparableConv2D,
    Tanh,
)
from cnnrs.layers.fused import Fused, LinearReLU
from cnnrs.model import fusion


def in_image(layers):
    return lambda: cnnrs.Sequential((8, 8, 3), layers(), seed=4)


def residual():
    inputs = cnnrs.Input((8, 8, 3))
    branches = [Conv2D(4, 3, padding="same")(inputs) for _ in range(3)]
    return cnnrs.Model(inputs, ReLU()(Add()(branches)), seed=4)


# rule, model in which it applies, whether the results are equal only up to rounding
CASES = [
    (fusion.relu_of_non_negative, in_image(lambda: [ReLU(), MaxPool2D(2), ReLU()]), False),
    (fusion.view, in_image(lambda: [Flatten(), Dense(3)]), False),
    (fusion.identity_in_prediction, in_image(lambda: [Dropout(0.5), Conv2D(2, 3)]), False),
    (fusion.max_pool_into_convolution, in_image(lambda: [Conv2D(6, 3), MaxPool2D(2)]), False),
    (
        fusion.max_pool_into_convolution,
        in_image(lambda: [Conv2D(6, 3, activation="relu"), MaxPool2D(2)]),
        False,
    ),
    (
        fusion.max_pool_into_convolution,
        in_image(lambda: [Conv2D(6, 3), BatchNorm(), ReLU(), MaxPool2D(2)]),
        False,
    ),
    (fusion.relu_into_weights, in_image(lambda: [Conv2D(6, 3), ReLU()]), False),
    (fusion.relu_into_weights, in_image(lambda: [Conv2D(6, 3, activation="relu")]), False),
    (fusion.relu_into_weights, in_image(lambda: [DepthwiseConv2D(3), ReLU()]), False),
    (fusion.relu_into_weights, in_image(lambda: [SeparableConv2D(6, 3), ReLU()]), False),
    (fusion.relu_into_weights, in_image(lambda: [Flatten(), Dense(6), ReLU()]), False),
    (fusion.relu_into_batch_norm, in_image(lambda: [BatchNorm(), ReLU()]), False),
    (fusion.relu_into_sum, residual, False),
    (fusion.batch_norm_into_weights, in_image(lambda: [Conv2D(6, 3), BatchNorm()]), True),
    (fusion.batch_norm_into_weights, in_image(lambda: [DepthwiseConv2D(3), BatchNorm()]), True),
    (fusion.batch_norm_into_weights, in_image(lambda: [SeparableConv2D(6, 3), BatchNorm()]), True),
    (
        fusion.batch_norm_into_weights,
        in_image(lambda: [Conv2DTranspose(6, 3, stride=2), BatchNorm()]),
        True,
    ),
    (fusion.batch_norm_into_weights, in_image(lambda: [Flatten(), Dense(6), BatchNorm()]), True),
]


def results(model, frozen=False):
    """Outputs of prediction and training, and all gradients, of a model with uneven values."""
    random = np.random.default_rng(5)
    state = model.state_dict()
    for name, value in state.items():
        noise = random.standard_normal(value.shape).astype(np.float32)
        state[name] = value + 0.3 * (np.abs(noise) if name.endswith("var") else noise)
    model.load_state_dict(state)
    for layer in model.layers:
        layer.trainable = not (frozen and isinstance(layer, BatchNorm))
    x = random.standard_normal((5, *model.input_shape)).astype(np.float32)
    predicted = [model(x), model(x[:1])]
    token, run = model.runtime.acquire(
        model.runtime.plan_for(training=True, input_gradients=True), len(x)
    )
    trained = [run.forward([x], seed=2)[0].copy()]
    gradient = run.output_gradients()[0][0]
    gradient[...] = random.standard_normal(gradient.shape)
    run.backward()
    trained += [run.input_gradient().copy(), *(g.copy() for g in model.gradients().values())]
    model.runtime.release(token)
    return predicted, trained


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(("rule", "make", "rounds"), CASES)
def test_the_fused_layer_does_what_the_two_layers_do(rule, make, rounds, frozen, monkeypatch):
    calls = []

    def watched(*arguments):
        result = rule(*arguments)
        calls.append(result is not None)
        return result

    rules = [watched if each is rule else each for each in fusion.RULES]
    monkeypatch.setattr(fusion, "RULES", rules)
    fused = results(make(), frozen)
    assert any(calls), "the rule applied"
    monkeypatch.setattr(fusion, "RULES", [each for each in rules if each is not watched])
    plain = results(make(), frozen)
    for one, other in zip(fused[0], plain[0], strict=True):
        if rounds:
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        else:
            np.testing.assert_array_equal(one, other)
    for one, other in zip(fused[1], plain[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_rule_is_tested():
    assert {rule.__name__ for rule in fusion.RULES} == {
        *(rule.__name__ for rule, _, _ in CASES),
        *({"channel_scale_into_weights"} & {rule.__name__ for rule in fusion.RULES}),
    }


@pytest.mark.parametrize("base", [Conv2D, Dense, BatchNorm, Add, ReLU, MaxPool2D])
def test_a_subclass_that_overrides_forward_is_not_fused(base):
    class Other(base):
        def forward(self, ctx, *x):
            return super().forward(ctx, *x)

    pairs = {
        Conv2D: ((8, 8, 3), lambda cls: [cls(6, 3), ReLU()]),
        Dense: ((8,), lambda cls: [cls(6), ReLU()]),
        BatchNorm: ((8, 8, 3), lambda cls: [Conv2D(6, 3), cls(), ReLU()]),
        ReLU: ((8, 8, 3), lambda cls: [Conv2D(6, 3), cls()]),
        MaxPool2D: ((8, 8, 3), lambda cls: [Conv2D(6, 3), cls(2)]),
    }
    if base is Add:
        inputs = cnnrs.Input((4,))
        steps = {
            cls: cnnrs.Model(inputs, ReLU()(cls()([Dense(4)(inputs), inputs]))).plan()
            for cls in (Add, Other)
        }
    else:
        shape, make = pairs[base]
        steps = {cls: cnnrs.Sequential(shape, make(cls)).plan() for cls in (base, Other)}
    assert steps[base].fused
    assert not steps[Other].fused


def test_a_subclass_that_overrides_forward_states_its_own_facts():
    class Absolute(ReLU):
        def forward(self, ctx, x):
            return -super().forward(ctx, x)

    class Always(Dropout):
        def forward(self, ctx, x):
            return 0 * x

    model = cnnrs.Sequential((3,), [Absolute(), ReLU(), Always(0.5)])
    assert model.plan().dropped == []
    assert Absolute.memory == cnnrs.layers.Memory()


def test_a_hidden_activation_is_a_step_with_the_name_of_its_layer():
    plan = cnnrs.Sequential((8, 8, 3), [Conv2D(4, 3, activation="tanh"), Tanh()]).plan()
    assert [step.name for step in plan.steps] == ["conv2d_1", "conv2d_1 (tanh)", "tanh_1"]
    assert plan.fused == []


def test_a_rule_of_your_own(monkeypatch):
    class DenseTanh(Fused):
        def forward(self, ctx, x):
            ctx.save(x=x)
            y = np.tanh(self.first.compute(ctx, x))
            ctx.save(y=y)
            return y

        def backward(self, ctx, grad_output):
            return self.first.differentiate(ctx, grad_output * (1 - ctx.saved.y**2))

    def rule(first, second, facts):
        return DenseTanh(first, second) if (type(first), type(second)) == (Dense, Tanh) else None

    def make():
        return cnnrs.Sequential((4,), [Dense(3), Tanh(), Dense(2)], seed=1)

    plain = results(make())
    monkeypatch.setattr(fusion, "RULES", [*fusion.RULES, rule])
    model = make()
    assert model.plan().fused == ["dense_1 + tanh_1"]
    fused = results(model)
    for one, other in zip(plain[0] + plain[1], fused[0] + fused[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_fused_layers_share_the_parameters_of_both():
    conv, norm = Conv2D(4, 3), BatchNorm()
    cnnrs.Sequential((8, 8, 3), [conv, norm])
    both = Fused(LinearReLU(conv, ReLU()), norm)
    assert both.parameters["weight"] is conv.parameters["weight"]
    assert both.parameters["second.weight"] is norm.parameters["weight"]
    deeper = Fused(both, norm)
    assert deeper.parameters["second.second.weight"] is norm.parameters["weight"]
