"""`cnnrs.testing.check_gradients` finds what is planted; and a layer in plain NumPy trains inside
any model.
"""

import numpy as np
import pytest

import cnnrs
from cnnrs.layers import Add, Conv2D, Dense, Flatten, Layer, MaxPool2D, ReLU
from cnnrs.testing import check_gradients

from . import naive


class Scale(Layer):
    """``y = x · factor + shift``, correct, in plain NumPy; the faults below change one line."""

    def build(self, input_shape):
        self.add_parameter("factor", input_shape[-1:], "ones")
        self.add_parameter("shift", input_shape[-1:])
        return input_shape

    def forward(self, ctx, x):
        ctx.save(x=x)
        return x * self.factor + self.shift

    def backward(self, ctx, grad_y):
        ctx.gradient("factor")[...] += self.per_channel(grad_y * ctx.saved.x)
        ctx.gradient("shift")[...] += self.per_channel(grad_y)
        return self.grad_x(ctx, grad_y)

    def per_channel(self, values):
        return values.reshape(-1, values.shape[-1]).sum(axis=0)

    def grad_x(self, ctx, grad_y):
        return grad_y * self.factor


class WrongSign(Scale):
    def grad_x(self, ctx, grad_y):
        return -grad_y * self.factor


class MissingFactor(Scale):
    def grad_x(self, ctx, grad_y):
        return grad_y * 1.0


class WrongBroadcast(Scale):
    def per_channel(self, values):
        return values.sum() / values.shape[-1]


class WrongParameterSign(Scale):
    def backward(self, ctx, grad_y):
        ctx.gradient("factor")[...] -= self.per_channel(grad_y * ctx.saved.x)
        ctx.gradient("shift")[...] += self.per_channel(grad_y)
        return grad_y * self.factor


class Overwrites(Scale):
    def backward(self, ctx, grad_y):
        ctx.gradient("factor")[...] = self.per_channel(grad_y * ctx.saved.x)
        ctx.gradient("shift")[...] += self.per_channel(grad_y)
        return grad_y * self.factor


class OverwritesInput(Scale):
    def grad_x(self, ctx, grad_y):
        out = ctx.input_destination()["out"]
        return np.multiply(grad_y, self.factor, out=out)


class WritesInput(Scale):
    def forward(self, ctx, x):
        ctx.save(x=x.copy())
        x *= self.factor
        return x + self.shift


class WritesGradient(Scale):
    def grad_x(self, ctx, grad_y):
        grad_y *= self.factor
        return grad_y


class WritesSavedInput(Scale):
    def backward(self, ctx, grad_y):
        ctx.gradient("shift")[...] += self.per_channel(grad_y)
        ctx.saved.x *= grad_y
        ctx.gradient("factor")[...] += self.per_channel(ctx.saved.x)
        return grad_y * self.factor


@pytest.mark.parametrize("shape", [(3,), (4, 5, 3)])
def test_a_correct_layer_passes(shape):
    result = check_gradients(Scale(), shape)
    assert result.passed
    assert result.faults == ()
    assert set(result.errors) == {"factor", "shift", "input"}


@pytest.mark.parametrize(
    ("layer", "wrong"),
    [
        (WrongSign, {"input"}),
        (MissingFactor, {"input"}),
        (WrongBroadcast, {"factor", "shift"}),
        (WrongParameterSign, {"factor"}),
    ],
)
def test_a_wrong_gradient_is_named(layer, wrong):
    result = check_gradients(layer(), (2, 2, 3))
    assert not result.passed
    assert {name for name, error in result.errors.items() if error > 1e-3} == wrong
    assert all(error < 1e-7 for name, error in result.errors.items() if name not in wrong)
    assert str(result).count("<-- wrong") == len(wrong)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Overwrites, ["factor", "overwrites"]),
        (OverwritesInput, ["input", "overwrites"]),
        (WritesInput, ["input", "writes"]),
        (WritesGradient, ["grad_output", "writes"]),
        (WritesSavedInput, ["input", "writes"]),
    ],
)
def test_bad_manners_are_named(layer, words):
    result = check_gradients(layer(), (2, 2, 3))
    assert not result.passed
    assert len(result.faults) == 1, result
    for word in words:
        assert word in result.faults[0]
    assert all(error < 1e-7 for error in result.errors.values()), (
        "alone in a model its gradients are right"
    )
    assert result.faults[0] in str(result)


class Mix(Layer):
    """Two inputs, ``a · b + a``."""

    def build(self, *input_shape):
        return input_shape[0]

    def forward(self, ctx, a, b):
        ctx.save(a=a, b=b)
        return a * b + a

    def backward(self, ctx, grad_y):
        return grad_y * (ctx.saved.b + 1), grad_y * ctx.saved.a


class MixWrong(Mix):
    def backward(self, ctx, grad_y):
        return grad_y * ctx.saved.b, grad_y * ctx.saved.a


def test_layers_with_several_inputs():
    assert check_gradients(Mix(), [(2, 3), (2, 3)]).passed
    result = check_gradients(MixWrong(), [(2, 3), (2, 3)])
    assert result.errors["input 1"] > 0.1
    assert result.errors["input 2"] < 1e-7


def test_a_gradient_of_the_wrong_shape_is_an_error():
    class Wrong(Scale):
        def grad_x(self, ctx, grad_y):
            return (grad_y * self.factor).sum(axis=-1)

    with pytest.raises(cnnrs.errors.ShapeError, match=r"backward must return shape \(2, 4, 3\)"):
        check_gradients(Wrong(), (4, 3))


# --- in any model ---------------------------------------------------------------------------------
def mixed_model(dtype):
    """Layers in plain NumPy between built-in ones, shared, with fused neighbours, behind and in
    front of sums and pooling.
    """
    inputs, scale = cnnrs.Input((6, 6, 2)), Scale()
    x = ReLU()(Conv2D(2, 3, padding="same")(inputs))
    y = scale(x)
    x = Add()([Mix()([y, x]), scale(y), inputs])
    x = MaxPool2D(2)(ReLU()(x))
    x = Scale()(Flatten()(x))
    return cnnrs.Model(inputs, [Dense(4)(ReLU()(Dense(5)(x))), Scale()(x)], dtype=dtype, seed=3)


def test_plain_layers_in_a_model_with_everything(rng):
    from .test_plan import assert_same, train_once

    model = mixed_model("float64")
    for value in model.parameters().values():
        value += 0.3 * rng.standard_normal(value.shape)
    inputs = [rng.standard_normal((3, 6, 6, 2))]
    cotangents = [rng.standard_normal((3, *node.shape)) for node in model.outputs]
    assert_same(train_once(model, inputs, cotangents), naive.run(model, inputs, cotangents))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_plain_layers_learn(dtype, rng):
    inputs, scale = cnnrs.Input((6, 6, 2)), Scale()
    x = scale(ReLU()(Conv2D(2, 3, padding="same")(scale(inputs))))
    model = cnnrs.Model(inputs, Dense(3)(Flatten()(Mix()([Scale()(x), x]))), dtype=dtype)
    trainer = cnnrs.Trainer(model, optimizer=cnnrs.optimizers.SGD(0.05, momentum=0.9))
    with pytest.raises(cnnrs.errors.ShapeError):
        cnnrs.Model(inputs, scale(Conv2D(4, 3)(inputs)))
    labels = rng.integers(0, 3, 24)
    images = rng.standard_normal((24, 6, 6, 2)) + labels[:, None, None, None]
    losses = [trainer.train_step(images, labels) for _ in range(40)]
    assert losses[-1] < 0.2 * losses[0]
    assert not np.array_equal(scale.factor, [1, 1])
